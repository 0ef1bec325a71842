import {mkdir, mkdtemp, rm, writeFile} from 'node:fs/promises'
import {tmpdir} from 'node:os'
import {join} from 'node:path'
import {afterEach, beforeEach, expect, test} from 'vitest'
import {candidates, findClusterFile, requireClusterFile} from '../../../src/cluster/config/locate.js'

const TEXT = 'cluster: NAME\npgpool: [{host: p, pcp: {user: u}}]\nnodes: [{id: 0, host: d, data: /d, bin: /b}]\n'
let directory = ''

beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'poolctl-locate-'))
})
afterEach(() => rm(directory, {recursive: true}))

test('is looked for in the order of the design', () => {
  expect(candidates(undefined, {HOME: '/home/dba'}, '/srv/shop').map((c) => c.path)).toEqual([
    '/srv/shop/poolctl.yaml',
    '/home/dba/.config/poolctl/poolctl.yaml',
    '/etc/poolctl/poolctl.yaml',
  ])
})

test('--config wins over the environment, and the environment over the current directory', async () => {
  for (const name of ['flag', 'env', 'poolctl'])
    await writeFile(join(directory, `${name}.yaml`), TEXT.replace('NAME', name))
  const env = {HOME: directory, POOLCTL_CONFIG: 'env.yaml'}
  const found = await Promise.all([
    findClusterFile('flag.yaml', env, directory),
    findClusterFile(undefined, env, directory),
    findClusterFile(undefined, {HOME: directory}, directory),
  ])
  expect(found.map((f) => [f?.file.name, f?.because])).toEqual([
    ['flag', '--config'],
    ['env', '$POOLCTL_CONFIG'],
    ['poolctl', 'current directory'],
  ])
})

test('one that was named and is not there ends the search', async () => {
  await writeFile(join(directory, 'poolctl.yaml'), TEXT)
  await expect(findClusterFile('none.yaml', {}, directory)).rejects.toMatchObject({
    code: 'CLUSTER_FILE_MISSING',
    exitCode: 3,
    message: `cluster file ${join(directory, 'none.yaml')} does not exist`,
  })
})

test('a directory in its place is an error, not a reason to take the next one', async () => {
  await mkdir(join(directory, 'poolctl.yaml'))
  await expect(findClusterFile(undefined, {HOME: directory}, directory)).rejects.toMatchObject({
    code: 'CLUSTER_FILE_UNREADABLE',
  })
})

test('without any, the places that were tried are named', async () => {
  const env = {HOME: directory, POOLCTL_CONFIG: ''}
  await expect(requireClusterFile(undefined, env, directory)).rejects.toMatchObject({
    code: 'CLUSTER_FILE_MISSING',
    detail: `Looked for ${directory}/poolctl.yaml, ${directory}/.config/poolctl/poolctl.yaml, /etc/poolctl/poolctl.yaml.`,
  })
})
