import {describe, expect, test} from 'vitest'
import {translateConfig, translateSettings, trialConfig} from '../../../src/cluster/settings-translation.js'

const set = (name: string, value: string) => ({name, value})

describe('translateSettings', () => {
  test('takes out what is gone, once it is', () => {
    const settings = [set('work_mem', '4MB'), set('stats_temp_directory', 'pg_stat_tmp')]
    expect(translateSettings(settings, 13, 14).settings).toEqual(settings)
    const {settings: now, changes} = translateSettings(settings, 14, 15)
    expect(now).toEqual([set('work_mem', '4MB')])
    expect(changes.filter(({kind}) => kind === 'removed')).toEqual([
      {
        name: 'stats_temp_directory',
        kind: 'removed',
        since: 15,
        text: 'is gone in this version: statistics are kept in shared memory',
      },
    ])
  })

  test('renames, and keeps the value', () => {
    expect(translateSettings([set('force_parallel_mode', 'on')], 15, 17).settings).toEqual([
      set('debug_parallel_query', 'on'),
    ])
  })

  test('writes a value as the new version wants it', () => {
    expect(translateSettings([set('password_encryption', 'on')], 13, 15).settings).toEqual([
      set('password_encryption', 'md5'),
    ])
    expect(translateSettings([set('password_encryption', 'scram-sha-256')], 13, 15).settings).toEqual([
      set('password_encryption', 'scram-sha-256'),
    ])
  })

  test('tells of new defaults only where the site has set nothing', () => {
    const names = (settings: {name: string; value: string}[]): string[] =>
      translateSettings(settings, 14, 15).changes.map(({name}) => name)
    expect(names([])).toEqual(['log_checkpoints', 'log_autovacuum_min_duration', 'hash_mem_multiplier'])
    expect(names([set('log_checkpoints', 'off')])).toEqual(['log_autovacuum_min_duration', 'hash_mem_multiplier'])
  })

  test('goes through all majors in between', () => {
    const settings = [
      set('operator_precedence_warning', 'off'),
      set('promote_trigger_file', ''),
      set('myapp.level', '3'),
    ]
    expect(translateSettings(settings, 13, 17).settings).toEqual([set('myapp.level', '3')])
  })
})

describe('translateConfig', () => {
  const text = [
    '# ours',
    "work_mem = '4MB'\t# keep",
    '  vacuum_cleanup_index_scale_factor 0.1 # tuned',
    'password_encryption = on',
    "#stats_temp_directory = 'x'",
    "include 'more.conf'",
    "search_path = 'it''s, public'",
    '',
  ].join('\n')

  test('changes what must change and no other byte', () => {
    expect(translateConfig(text, 13, 15).text.split('\n')).toEqual([
      '# ours',
      "work_mem = '4MB'\t# keep",
      '#  vacuum_cleanup_index_scale_factor 0.1 # tuned  # 14: is gone in this version: the cleanup that it steered is decided by VACUUM itself',
      "password_encryption = 'md5'",
      "#stats_temp_directory = 'x'",
      "include 'more.conf'",
      "search_path = 'it''s, public'",
      '',
    ])
  })

  test('leaves a file alone that has nothing to translate', () => {
    expect(translateConfig("shared_buffers = '1GB'\n", 13, 18)).toEqual({text: "shared_buffers = '1GB'\n", changes: []})
  })
})

describe('a configuration to try settings with', () => {
  const settings = [
    set('shared_buffers', '32GB'),
    set('archive_command', 'cp %p /secret/%f'),
    set('primary_conninfo', 'password=hunter2'),
    set('log_line_prefix', "it's %m\n"),
  ]

  test('has every value as it is, and nothing that says where things are or may hold a secret', () => {
    expect(trialConfig(settings, false)).toBe("shared_buffers = '32GB'\nlog_line_prefix = 'it''s %m '\n")
  })

  test('for a start beside the real server has little memory', () => {
    const text = trialConfig(settings, true)
    expect(text).toContain("shared_buffers = '16MB'\n")
    expect(text).not.toContain('32GB')
  })
})
