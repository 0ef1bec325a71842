/** One look at every server of the cluster file, in parallel. A server that does not answer is a finding, not an error. */
import type {NodeConfig} from '../cluster/cluster-file.js'
import type {NodeId} from '../cluster/node-id.js'
import {AuthenticationRefused, messageOf} from '../lib/errors.js'
import type {ServerFacts} from '../ports/postgres.js'
import type {World} from '../ports/world.js'

export type ServerView = {id: NodeId; node: NodeConfig} & (
  {reachable: true; facts: ServerFacts} | {reachable: false; reason: string}
)

/** `server_version_num` of those that answered. */
export function versionsOf(servers: readonly ServerView[]): number[] {
  return servers.flatMap((server) => (server.reachable ? [server.facts.versionNum] : []))
}

/** Throws only when a password is refused: that would make every later answer look like a dead server. */
export async function surveyServers(world: World): Promise<ServerView[]> {
  return Promise.all(
    world.file.nodes.map(async (node): Promise<ServerView> => {
      try {
        return {id: node.id, node, reachable: true, facts: await world.postgres(node.id).facts()}
      } catch (error) {
        if (error instanceof AuthenticationRefused) throw error
        return {id: node.id, node, reachable: false, reason: messageOf(error)}
      }
    }),
  )
}
