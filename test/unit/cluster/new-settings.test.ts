import {describe, expect, test} from 'vitest'
import {changesWith, giveSettings, withNewSettings} from '../../../src/cluster/new-settings.js'

const GIVEN = {archive_command: "cp %p '/archive/15/%f'", work_mem: '8MB'}
const END = [
  '# upgrade.settings of the cluster file of poolctl',
  "archive_command = 'cp %p ''/archive/15/%f'''",
  "work_mem = '8MB'",
  '',
]

describe('settings that the cluster file gives the new version', () => {
  test('take the place of translated ones where they are tried', () => {
    const settings = [
      {name: 'Archive_Command', value: 'cp %p /archive/%f'},
      {name: 'archive_mode', value: 'on'},
    ]
    expect(withNewSettings(settings, GIVEN)).toEqual([
      {name: 'archive_mode', value: 'on'},
      {name: 'archive_command', value: "cp %p '/archive/15/%f'"},
      {name: 'work_mem', value: '8MB'},
    ])
  })

  test('are said with the changes, and a default that they set is none', () => {
    const changes = [
      {name: 'work_mem', kind: 'default' as const, since: 15, text: 'default 1 becomes 2'},
      {name: 'log_checkpoints', kind: 'default' as const, since: 15, text: 'default off becomes on'},
    ]
    expect(changesWith(changes, {work_mem: '8MB'}, 15)).toEqual([
      {name: 'log_checkpoints', kind: 'default', since: 15, text: 'default off becomes on'},
      {name: 'work_mem', kind: 'set', since: 15, text: "is '8MB', as upgrade.settings of the cluster file says"},
    ])
  })

  test('stand last in the main file, and nothing else sets them', () => {
    const files = [
      {
        name: 'postgresql.conf',
        text: "archive_mode = on\narchive_command = 'cp %p /archive/%f' # ours\ninclude 'x.conf'",
      },
      {name: 'postgresql.auto.conf', text: "ARCHIVE_COMMAND = 'x'\n"},
      {name: 'recovery.sh', text: 'work_mem = 1\n'},
    ]
    expect(giveSettings(files, GIVEN, {main: 'postgresql.conf'})).toEqual([
      {
        name: 'postgresql.conf',
        text: [
          'archive_mode = on',
          "#archive_command = 'cp %p /archive/%f' # ours  # upgrade.settings of the cluster file",
          "include 'x.conf'",
          ...END,
        ].join('\n'),
      },
      {name: 'postgresql.auto.conf', text: "#ARCHIVE_COMMAND = 'x'  # upgrade.settings of the cluster file\n"},
      {name: 'recovery.sh', text: 'work_mem = 1\n'},
    ])
  })

  test('do not win over what keeps a rehearsal alone', () => {
    const alone = {name: 'postgresql.auto.conf', text: "# poolctl rehearsal\narchive_command = ''\n"}
    const [main, auto] = giveSettings([{name: 'etc/pg.conf', text: ''}, alone], GIVEN, {
      main: 'etc/pg.conf',
      untouched: 'postgresql.auto.conf',
    })
    expect([main?.text, auto]).toEqual([END.join('\n'), alone])
  })

  test('change no file where there are none', () => {
    const files = [{name: 'a.conf', text: 'work_mem = 1'}]
    expect(giveSettings(files, {}, {main: 'postgresql.conf'})).toEqual(files)
  })

  test('keep their bytes in whatever encoding the file is', () => {
    const [main] = giveSettings([], {cluster_name: 'müller'}, {main: 'postgresql.conf'})
    expect(Buffer.from(main?.text ?? '', 'latin1').toString('utf8')).toContain("cluster_name = 'müller'")
  })
})
