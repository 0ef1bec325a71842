import {describe, expect, test} from 'vitest'
import {compareFiles} from '../../../../src/operations/recovery/completeness.js'
import type {DataFile} from '../../../../src/ports/host.js'

const LAST_CHECKPOINT = 10_000
/** Written well before the target's control file. */
const OLD = 9_000

const file = (path: string, bytes = 8192, mtimeSeconds = OLD): DataFile => ({path, bytes, mtimeSeconds})
const control = file('global/pg_control', 8192, LAST_CHECKPOINT)
const gaps = (primary: DataFile[], target: DataFile[]): ReturnType<typeof compareFiles> =>
  compareFiles(primary, [control, ...target])

const whole = {missing: [], otherSize: []}

describe('files of the target', () => {
  test('that are all there with the same size leave no gap', () => {
    const files = [file('base/5/16384'), file('base/5/16384.1'), file('global/1262')]
    expect(gaps(files, files)).toEqual(whole)
  })

  test.each([
    'base/5/16384',
    'base/5/16384.1',
    'base/5/16384_vm',
    'base/5/16384_init',
    'global/1262',
    'pg_tblspc/16400/PG_15_202209061/5/16401',
  ])('that the primary has had for long and that are not there are missing: %s', (path) => {
    expect(gaps([file(path)], [])).toEqual({missing: [path], otherSize: []})
  })

  test.each([
    'base/5/16384_fsm',
    'base/5/PG_VERSION',
    'base/5/t3_16384',
    'pg_xact/0000',
    'postgresql.conf',
    'base/5/pg_internal.init',
  ])('that healthy nodes do not share are not asked for: %s', (path) => {
    expect(gaps([file(path)], [])).toEqual(whole)
  })

  test('of another size are named when neither side has written them since', () => {
    expect(gaps([file('base/5/16384', 16_384)], [file('base/5/16384', 8192)])).toEqual({
      missing: [],
      otherSize: ['base/5/16384'],
    })
  })

  test.each<[string, DataFile, DataFile[]]>([
    ['missing, but written by the primary since', file('base/5/16384', 8192, LAST_CHECKPOINT), []],
    ['missing, but written within the margin of a minute', file('base/5/16384', 8192, LAST_CHECKPOINT - 60), []],
    [
      'shorter, but written by the primary since',
      file('base/5/16384', 16_384, LAST_CHECKPOINT),
      [file('base/5/16384')],
    ],
    [
      'shorter, but written on the target since',
      file('base/5/16384', 16_384),
      [file('base/5/16384', 8192, LAST_CHECKPOINT - 60)],
    ],
  ])('that are %s say nothing', (_, theirs, mine) => {
    expect(gaps([theirs], mine)).toEqual(whole)
  })

  test('one second older than the margin count', () => {
    expect(gaps([file('base/5/16384', 8192, LAST_CHECKPOINT - 61)], [])).toEqual({
      missing: ['base/5/16384'],
      otherSize: [],
    })
  })

  test('that the primary does not have are no gap', () => {
    expect(gaps([], [file('base/5/16384')])).toEqual(whole)
  })

  test('are not judged without a control file, whose time is the measure', () => {
    expect(compareFiles([file('base/5/16384')], [])).toEqual(whole)
  })
})
