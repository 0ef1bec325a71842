/** The cluster file of a lab, with which every command works (design §4). */
import {labPaths, type LabSpec} from './spec.js'

/** JSON is YAML: quoting every value that way leaves no path that could be read as something else. */
export function clusterDocument(spec: LabSpec): string {
  const paths = labPaths(spec.directory)
  const {ports} = spec
  const control = (verb: string): string[] => [paths.pgpoolControl, verb]
  const pgpool = {
    host: spec.proxy.address,
    pcp: {host: spec.proxy.address, port: ports.pcp, user: 'pcpadmin', passfile: paths.pcpPassfile, via: 'tcp'},
    port: ports.pgpool,
    config: paths.pgpoolConf,
    service: {start: control('start'), stop: control('stop'), reload: control('reload')},
  }
  const nodes = spec.nodes.map(({id, address, data}) => ({
    id,
    host: address,
    port: ports.postgres,
    data,
    bin: spec.bin,
    service: 'pg_ctl',
  }))
  const ssh = {
    user: spec.user.name,
    port: ports.ssh,
    identity: paths.identity,
    knownHosts: paths.knownHosts,
    peerIdentity: paths.peerIdentity,
    peerKnownHosts: paths.peerKnownHosts,
  }
  const postgres = {
    user: 'postgres',
    database: 'postgres',
    passfile: paths.passfile,
    replicationUser: 'repl',
    replicationPassfile: paths.replicationPassfile,
  }
  return [
    '# Made by poolctl lab; removed by: poolctl lab down',
    'cluster: lab',
    'pgpool:',
    `  - ${JSON.stringify(pgpool)}`,
    'nodes:',
    ...nodes.map((node) => `  - ${JSON.stringify(node)}`),
    `ssh: ${JSON.stringify(ssh)}`,
    `postgres: ${JSON.stringify(postgres)}`,
    '',
  ].join('\n')
}
