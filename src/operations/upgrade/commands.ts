/**
 * The commands of an upgrade as one would type them on the host, for those who review its plan. What runs is in templates/host (server.sh,
 * upgrade-pg.sh, upgrade-link.sh); a test holds the options against them. In capitals stands what is known only then.
 */
import type {ClusterPlace} from '../../cluster/upgrade-target.js'
import {shellWord} from '../../lib/shell-word.js'
import type {RunRequest} from './request.js'
import type {PairView} from './survey.js'

/** A word that needs no quotes is easier to read without. */
function word(text: string): string {
  return /^[\w./:=,@%+-]+$/.test(text) ? text : shellWord(text)
}

function line(...words: readonly string[]): string {
  return words.map(word).join(' ')
}

export function powerLine({data, bin, config, service}: ClusterPlace, verb: 'start' | 'stop'): string {
  switch (service.kind) {
    case 'systemd':
      return line('systemctl', verb, service.unit)
    case 'commands':
      return line(...service[verb])
    case 'pg_ctl':
      break
  }
  const options =
    verb === 'stop' ? ['-m', 'fast', '-w'] : ['-w', ...(config === null ? [] : ['-o', `-c config_file=${config}`])]
  return `PGDATA=${word(data)} ${line(`${bin}/pg_ctl`, verb, ...options)}`
}

/** Before 15 pg_upgrade has no such option, and flushes all that it has linked. */
const NO_SYNC_SINCE = 15
const PRIVATE = '-c hba_file=SOCKETS/hba -c logging_collector=off -c archive_mode=off -c synchronous_standby_names='

export function pgUpgradeLine({transfer, jobs}: RunRequest, {node, pair}: PairView, user: string): string {
  const {old, new: fresh} = pair
  const port = String(node.port)
  const options = (config: string | null): string =>
    config === null ? PRIVATE : `${PRIVATE} -c config_file='${config}'`
  return line(
    ...[`${fresh.bin}/pg_upgrade`, `--${transfer}`],
    ...(transfer === 'clone' ? ['--verbose'] : []),
    ...(pair.to >= NO_SYNC_SINCE ? ['--no-sync'] : []),
    ...[`--jobs=${jobs}`, '-b', old.bin, '-B', fresh.bin, '-d', old.data, '-D', fresh.data],
    ...['-p', port, '-P', port, '-U', user, '-s', 'SOCKETS'],
    ...['-o', options(old.config), '-O', options(fresh.config)],
  )
}

/** The node's own files get a second name (or are cloned), what is new is fetched from the primary. */
export function linkLines(
  transfer: RunRequest['transfer'],
  primary: PairView,
  {pair}: PairView,
  from: 'cluster' | 'kept',
): string[] {
  const bring = transfer === 'clone' ? 'cp -p -f --reflink=always -t' : 'ln -f -t'
  const source = from === 'kept' ? 'KEPT' : primary.pair.new.data
  const options = '--numeric-ids --stats --no-human-readable -z --compress-level=1 -lpD --files-from=NAMES'
  return [
    `cd ${word(pair.old.data)} && ${bring} ${word(pair.new.data)}/DIRECTORY -- FILES`,
    `rsync -e ssh ${options} ${word(`${primary.node.address}:${source}/`)} ${word(`${pair.new.data}/`)}`,
  ]
}
