import {describe, expect, test} from 'vitest'
import {pgpoolVersionIn, settingsOfRelease} from '../../../src/lab/pgpool-release.js'

const WRITTEN = {
  backend_clustering_mode: 'streaming_replication',
  socket_dir: '/run/lab',
  logdir: '/lab/proxy',
  follow_primary_command: '',
  port: 9999,
}

describe("the lab's pgpool.conf", () => {
  test('is in the words of 4.3 for 4.2 and 4.3', () => {
    expect(settingsOfRelease('4.3.5', WRITTEN)).toEqual(WRITTEN)
    expect(settingsOfRelease('4.2.11', WRITTEN)).toEqual(WRITTEN)
  })

  test('says the mode in two booleans before 4.2, and calls the follow command by its old name', () => {
    expect(settingsOfRelease('4.1.4', WRITTEN)).toEqual({
      replication_mode: 'off',
      master_slave_mode: 'on',
      master_slave_sub_mode: 'stream',
      socket_dir: '/run/lab',
      logdir: '/lab/proxy',
      follow_master_command: '',
      port: 9999,
    })
    expect(settingsOfRelease('4.1.4', {backend_clustering_mode: 'native_replication'})).toEqual({
      replication_mode: 'on',
      master_slave_mode: 'off',
    })
  })

  test('names the sockets of 4.4 and the work directory of 4.7, also for a later release', () => {
    const {socket_dir: sockets, logdir, ...same} = WRITTEN
    expect(settingsOfRelease('4.6.1', WRITTEN)).toEqual({...same, unix_socket_directories: sockets, logdir})
    const newest = {...same, unix_socket_directories: sockets, work_dir: logdir}
    expect(settingsOfRelease('4.7.3', WRITTEN)).toEqual(newest)
    expect(settingsOfRelease('5.0', WRITTEN)).toEqual(newest)
  })

  test('is chosen by what `pgpool --version` says', () => {
    expect(pgpoolVersionIn('pgpool-II version 4.1.4 (karasukiboshi)\n')).toBe('4.1.4')
    expect(pgpoolVersionIn('pgpool-II version 4.8devel (mitsukakeboshi)')).toBe('4.8devel')
    expect(pgpoolVersionIn('usage: pgpool')).toBeNull()
  })
})
