/** What upgrade-check*.sh printed, as the port's types. */
import {parseControlData} from '../cluster/control-data.js'
import {parseControlLayout} from '../cluster/control-layout.js'
import type {LinkTest, SettingsProof, Trial, TrialPart, UpgradeHostFacts} from '../ports/upgrade-check.js'
import {nulPairs} from './fields.js'

type NewState = UpgradeHostFacts['newData']['state']
const NEW_STATES: readonly NewState[] = ['absent', 'empty', 'cluster', 'other']
const WAL_PROBLEMS = ['inside', 'mount', 'taken', 'unwritable'] as const
const NEW_CONFIGS: readonly UpgradeHostFacts['newConfig'][] = ['inside', 'absent', 'ours', 'unwritable']

export function hostFactsFrom(output: Buffer, askedAtSeconds: number): UpgradeHostFacts {
  const pairs = nulPairs(output)
  const all = (key: string): string[] => pairs.get(key) ?? []
  const one = (key: string): string => all(key)[0] ?? ''
  const yes = (key: string): boolean => one(key) === 'yes'
  return {
    user: one('user'),
    uid: Number(one('uid')),
    clockSeconds: Number(one('clock')),
    askedAtSeconds,
    libc: one('libc') || null,
    oldVersion: versionOf(one('oldVersion')),
    newVersion: versionOf(one('newVersion')),
    missingPrograms: all('missingProgram'),
    missingLibraries: all('missingLibrary'),
    missingExtensions: all('missingExtension'),
    missingLocales: all('missingLocale'),
    serviceProblems: [...new Set(all('serviceProblem'))],
    oldData: {
      owner: Number(one('owner')),
      mode: one('mode').padStart(4, '0'),
      isSymlink: yes('dataSymlink'),
      readyFiles: Number(one('readyFiles')),
      stray: all('stray').flatMap(strayFrom),
      control: parseControlData(one('control')),
      layout: parseControlLayout(one('control')),
    },
    newData: {
      state: NEW_STATES.find((state) => state === one('newState')) ?? 'other',
      pgVersion: one('newVersionFile').trim() || null,
      control: parseControlData(one('newControl')),
      layout: parseControlLayout(one('newControl')),
      running: yes('newRunning'),
      parentWritable: yes('parentWritable'),
      nested: yes('nested'),
    },
    newWal: newWalFrom(one('newWal')),
    newConfig: NEW_CONFIGS.find((state) => state === one('newConfig')) ?? 'other',
    link: linkFrom(one('link')),
    clone: linkFrom(one('clone')),
    tablespaces: tablespacesFrom(all('tablespace'), {
      links: all('tablespaceLink'),
      clones: all('tablespaceClone'),
      left: all('tablespaceLeft'),
      relations: all('tablespaceRelations'),
    }),
    space: all('space').flatMap(spaceFrom),
    ...relationsFrom(one('relations')),
  }
}

/** `postgres (PostgreSQL) 15.18 (Debian 15.18-1)` is 15.18; a beta keeps its word. */
function versionOf(text: string): string | null {
  return /\(PostgreSQL\) (\S+)/.exec(text)?.[1] ?? null
}

function linkFrom(text: string): LinkTest {
  return text === 'ok' ? {ok: true, why: null} : {ok: false, why: text || 'it was not tried'}
}

/** ` /wal/main-15`, or `mount /wal-15`: what stands in the way comes first. */
function newWalFrom(text: string): UpgradeHostFacts['newWal'] {
  const match = /^(\w*) (\/.*)$/s.exec(text)
  if (match?.[2] === undefined) return null
  return {path: match[2], problem: WAL_PROBLEMS.find((problem) => problem === match[1]) ?? null}
}

function strayFrom(text: string): {path: string; bytes: number}[] {
  const match = /^(\d+) (.*)$/s.exec(text)
  return match?.[2] === undefined ? [] : [{path: match[2], bytes: Number(match[1])}]
}

function relationsFrom(text: string): {catalogBytes: number; relationFiles: number} {
  const [bytes, files] = text.split(' ').map(Number)
  return {catalogBytes: bytes ?? 0, relationFiles: files ?? 0}
}

function tablespacesFrom(
  heads: readonly string[],
  {links, clones, left, relations}: Record<'links' | 'clones' | 'left' | 'relations', readonly string[]>,
): UpgradeHostFacts['tablespaces'] {
  return heads.flatMap((head, index) => {
    const match = /^(\d+) (yes|no) (yes|no) (.*)$/s.exec(head)
    if (match?.[4] === undefined) return []
    return [
      {
        oid: Number(match[1]),
        location: match[4],
        link: linkFrom(links[index] ?? ''),
        clone: linkFrom(clones[index] ?? ''),
        leftovers: (left[index] ?? '').split(' ').filter((name) => name !== ''),
        insideData: match[2] === 'yes',
        writable: match[3] === 'yes',
        ...relationsFrom(relations[index] ?? ''),
      },
    ]
  })
}

/** `wal  1234 99 /path`, as df aligns it; some file systems count no inodes and say `-` or 0. */
function spaceFrom(text: string): UpgradeHostFacts['space'] {
  const match = /^(.*?) +(\d+) +(\d+|-) (\/.*)$/s.exec(text)
  if (match?.[4] === undefined) return []
  const inodes = match[3] === '-' || match[3] === '0' ? null : Number(match[3])
  return [{what: match[1] ?? '', freeBytes: Number(match[2]), freeInodes: inodes, path: match[4]}]
}

export function settingsProofFrom(output: Buffer): SettingsProof {
  const text = output.toString('utf8')
  const [status = '', said = ''] = text.split('\0')
  return {ok: status === '0', messages: status === '0' ? [] : serverLines(said)}
}

/** The server's own words without time and process: `unrecognized configuration parameter "x" in file "…" line 3`. */
function serverLines(text: string): string[] {
  return text
    .split('\n')
    .map((line) => line.replace(/^.*?\b(?:LOG|FATAL|ERROR|PANIC|HINT|DETAIL):\s+/, '').trim())
    .filter((line) => line !== '' && !/^configuration file ".*" contains errors$/.test(line))
}

const linesOf = (text: string): string[] => text.split('\n').filter((line) => line.trim() !== '')

/** pg_upgrade that could not log in to the running server has checked nothing; a new one that does not start is a finding. */
const TARGET_DOWN = /could not connect to target postmaster/i
const NOT_ASKED = /could not connect to source postmaster|connection to server .*failed|connection to database failed/i

export function trialFrom(output: Buffer): Trial {
  const pairs = nulPairs(output)
  const said = (key: string): string => pairs.get(key)?.[0] ?? ''
  const part = (key: string, text = said(`${key}Said`)): TrialPart | null => {
    const match = /^(\d+) (\d+)$/.exec(said(key))
    if (!match) return null
    const messages = linesOf(text)
    const clean = key === 'restore' ? messages.length === 0 : match[2] === '0'
    return {seconds: Math.round(Number(match[1]) / 1e6) / 1000, ok: clean, messages}
  }
  const upgradeWords = [said('pgUpgradeSaid'), said('pgUpgradeNamed')].join('\n')
  const pgUpgrade = part('pgUpgrade', upgradeWords)
  const dump = part('dump')
  return {
    initdb: part('initdb'),
    layout: parseControlLayout(said('control')),
    pgUpgrade: pgUpgrade && {
      ...pgUpgrade,
      asked: pgUpgrade.ok || !NOT_ASKED.test(upgradeWords) || TARGET_DOWN.test(upgradeWords),
    },
    start: part('start'),
    dump: dump && {...dump, bytes: Number(said('dumpBytes') || 0)},
    restore: part('restore'),
  }
}
