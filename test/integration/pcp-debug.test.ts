import {test} from 'vitest'
import {readFile} from 'node:fs/promises'
import {Secret} from '../../src/lib/secret.js'
import {createPool} from '../../src/pcp/pool.js'
import {startPcpCluster} from '../support/pcp-cluster.js'
import {pcpClock} from '../support/pcp-server.js'
test('x', async () => {
  const c = await startPcpCluster()
  try {
    const pool = createPool({name: 'p', connect: {kind:'tcp',host:c.pcp.host,port:c.pcp.port}, user: 'pcpuser', password: new Secret('secret'), clock: pcpClock})
    const before = await pool.settings()
    await c.configure("connection_life_time = 77\nclient_idle_limit = 66\nhealth_check_timeout = 13\nfailover_command = '/bin/true'\nlog_connections = on\nhealth_check_period0 = 5\nrecovery_timeout = 44")
    await pool.reload()
    await pcpClock.sleep(1500); await pool.nodeInfo(); await pcpClock.sleep(1500); console.log((await c.official('pcp_pool_status')).split('\n').filter(l=>/(77|66|13|44|true)\s*$/.test(l)).join('|'), await c.sql('pgpool','SHOW connection_life_time').catch(String), await c.sql('pgpool','PGPOOL SHOW connection_life_time').catch(String))
    const after = await pool.settings()
    for (const [k,v] of after) if (before.get(k)!==v) console.log(k, before.get(k), v)
    console.log(before.get('connection_life_time'), after.get('connection_life_time'), after.get('logdir'))
    console.log((await readFile(c.pcp.socketDirectory + '/pgpool.log','utf8')).split('\n').filter(l=>/reload|error|ERROR|WARN|FATAL/i.test(l)).join('\n'))
  } finally { await c.stop() }
})
