/**
 * The moment when pgpool lets all clients back in. A child of pgpool serves one client, and keeps a connection to every server for each pair
 * of user and database that it has seen, max_pool of them at most (manual of Pgpool-II: num_init_children, max_pool).
 */
import {counted, warn, type Finding} from './finding.js'
import type {NodeSurvey, UpgradeSurvey} from './survey.js'

const area = 'pool' as const
const NEARLY = 0.9

export function checkStorm(survey: UpgradeSurvey): Finding[] {
  const children = Number(survey.pool.settings['num_init_children'])
  const maxPool = Number(survey.pool.settings['max_pool'])
  if (!(children > 0) || !(maxPool > 0)) return []
  return [...checkServers(survey, children, maxPool), ...checkChildren(survey, children)]
}

function checkServers({pool, nodes}: UpgradeSurvey, children: number, maxPool: number): Finding[] {
  const pools = Math.max(1, pool.versions.length)
  const pairs = Math.min(maxPool, Math.max(1, pool.clients.pairs))
  const wanted = pools * children * pairs
  const short = nodes.flatMap((node) => {
    const room = roomOf(node)
    return room !== null && room < wanted ? [{id: node.id, room}] : []
  })
  if (short.length === 0) return []
  const many = pools === 1 ? '' : `${counted(pools, 'pgpool')} with `
  return [
    warn({
      code: 'RECONNECT_STORM',
      area,
      message: `when all clients come back at once, pgpool may open ${wanted} connections to each server (${many}num_init_children ${children}, ${counted(pairs, 'pair')} of user and database), and there is room for fewer: ${short
        .map(({id, room}) => `node ${id} ${room}`)
        .join(', ')}`,
      detail:
        'Room is max_connections without those that are reserved. Clients beyond it get an error, and pgpool may take the server for failed.',
      hint: `Raise max_connections to ${wanted + 20} or more, standbys first, and restart; or lower num_init_children or max_pool in pgpool.conf`,
    }),
  ]
}

/** As the configuration files say, because that is what the new server starts with; defaults where they say nothing. */
function roomOf({server, settings}: NodeSurvey): number | null {
  if (!server.reachable) return null
  const written = (name: string, otherwise: string): number =>
    Number(settings?.find((setting) => setting.name === name)?.value ?? server.facts.settings[name] ?? otherwise)
  const room =
    written('max_connections', '100') -
    written('superuser_reserved_connections', '3') -
    written('reserved_connections', '0')
  return Number.isNaN(room) ? null : room
}

/** Others wait in the queue of the socket, where pgpool does not see them; with reserved_connections they are turned away. */
function checkChildren({pool}: UpgradeSurvey, children: number): Finding[] {
  const reserved = Number(pool.settings['reserved_connections'] ?? 0) || 0
  const {connected} = pool.clients
  if (connected < NEARLY * (children - reserved)) return []
  return [
    warn({
      code: 'POOL_NEARLY_FULL',
      area,
      message: `${connected} clients are connected to a pgpool that takes ${children - reserved} at once (num_init_children ${children}${reserved > 0 ? `, reserved_connections ${reserved}` : ''})`,
      detail:
        reserved > 0
          ? 'When all come back at once, those beyond that get "Sorry, too many clients already".'
          : 'When all come back at once, those beyond that wait until another one leaves, and may run into their own timeouts.',
      hint: 'Raise num_init_children (and max_connections with it) before the day, or let applications come back one after another',
    }),
  ]
}
