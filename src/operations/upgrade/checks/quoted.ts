/**
 * pg_upgrade hands programs and directories to a shell between double quotes of its own, in which `$(…)` and backquotes are run, by its
 * --check too. Places of tablespaces, and ours for sockets in /tmp, are in none of these command lines.
 */
import type {NodeConfig} from '../../../cluster/cluster-file.js'
import type {NodeId} from '../../../cluster/node-id.js'
import type {ClusterPlace} from '../../../cluster/upgrade-target.js'
import {stop, type Finding} from './finding.js'

const SHELL_SIGNS = /["$`\\]/

type Places = {id: NodeId; config: NodeConfig; target: ClusterPlace}

export function checkQuoted({id, config, target}: Places): Finding[] {
  const paths = [...new Set([config.data, config.bin, target.data, target.bin])].filter((path) =>
    SHELL_SIGNS.test(path),
  )
  return paths.map((path) =>
    stop({
      area: 'files',
      node: id,
      code: 'PATH_QUOTED',
      message: `pg_upgrade cannot be given ${path} on ${config.host}: it has a double quote, a dollar, a backquote or a backslash in its name`,
      detail:
        'pg_upgrade puts it into the command line of a shell, which would run what stands in it. It was not called.',
      hint: 'Move it to a plainer path; for the new ones: nodes[].upgrade.data and nodes[].upgrade.bin in the cluster file',
    }),
  )
}

/** A configuration file is put between single quotes within those. */
export function checkQuotedConfig({id, config, target}: Places): Finding[] {
  const paths = [config.config, target.config].filter((path) => path !== null)
  return paths
    .filter((path) => SHELL_SIGNS.test(path) || path.includes("'"))
    .map((path) =>
      stop({
        area: 'files',
        node: id,
        code: 'CONFIG_PATH_QUOTED',
        message: `pg_upgrade cannot be given the configuration file ${path}: it has a quote, a dollar or a backslash in its name`,
        hint: 'Move it to a plainer path',
      }),
    )
}
