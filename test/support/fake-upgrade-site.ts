/** A fake site on its way from 15 to 17: prepared on all nodes, what a survey would say of it, and which version a node serves. */
import {nodeId} from '../../src/cluster/node-id.js'
import {pairFor, type RunFacts} from '../../src/operations/upgrade/survey.js'
import {healthySite, nodeOf, placeOf, type Site} from './fake-site.js'
import {healthyContent} from './fake-upgrade.js'

const [FROM, TO] = [15, 17]

/** Configuration staged everywhere, an empty cluster on the primary. */
export function preparedSite(): Site {
  const site = healthySite()
  for (const node of site.file.nodes) {
    const own = nodeOf(site, node.id)
    const primary = Number(node.id) === 0
    own.upgrade = {configStaged: true, prepared: primary, made: primary, controlAside: false, kept: null, note: null}
    const {new: place} = pairFor(node, FROM, TO)
    if (primary && own.directory) {
      own.clusters = {
        [place.data]: {...structuredClone(own.directory), systemIdentifier: '7399999999999999999', rows: []},
      }
    }
    placeOf(site, node.id)
  }
  return site
}

/** What plans are made from. */
export function migrationFacts(site: Site): RunFacts {
  return {
    cluster: 'shop',
    pools: {'proxy1 (127.0.0.1:9898)': {...site.pool.config}},
    pairs: site.file.nodes.map((node) => ({node, pair: pairFor(node, FROM, TO), state: null, unseen: null})),
    check: {primary: nodeId(0), from: FROM, content: healthyContent(), nodes: [], given: {}},
    safety: null,
  } as unknown as RunFacts
}

/** Which cluster a node's server has, by its data directory. */
export function servingOn(site: Site, id: number): 'old' | 'new' | 'down' {
  if (!nodeOf(site, id).running) return 'down'
  return placeOf(site, id).includes(`/${TO}/`) ? 'new' : 'old'
}
