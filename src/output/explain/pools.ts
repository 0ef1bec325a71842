/** What the findings about several pgpools and their watchdog mean. */
export const POOLS_CODES: Readonly<Record<string, string>> = {
  HEALTH_PARAMETERS_DIFFER:
    'Two pgpools check the same node differently, so they can come to different conclusions about it, and with watchdog the votes for a failover do not come together.',
  POOL_BELIEFS_DIFFER:
    'Two pgpools believe different things of the same node. Without watchdog nobody keeps them together; with one, a node can be in quarantine at a single member.',
  POOL_CONFIG_DRIFT:
    'A parameter that belongs to the whole site differs between pgpools. What a client gets then depends on the pgpool it meets, and a failover on who leads.',
  POOL_SILENT:
    'A pgpool of the cluster file did not answer. The others may work on; the clients that use this one do not.',
  WATCHDOG_MEMBER_JOINING:
    'A member of the watchdog is starting or choosing a leader. That takes seconds; one that stays so does not reach the others on their wd_port.',
  WATCHDOG_MEMBER_LOST:
    'A member of the watchdog was shut down or is not heard. It counts against the quorum until its membership is revoked.',
  WATCHDOG_NOT_EVERYWHERE:
    'Some pgpools of the site run with watchdog and some without: those without fail over by themselves.',
  WATCHDOG_NO_LEADER:
    'No member of the watchdog leads, so nobody decides on a failover or holds the virtual address. It lasts seconds in an election, and for ever when too few are alive.',
  WATCHDOG_NO_QUORUM:
    'Fewer members than the quorum needs are alive. Nodes that fail are then put into quarantine, and no standby is promoted (failover_when_quorum_exists).',
  WATCHDOG_OFF:
    'Several pgpools and no watchdog: each decides alone, so after a network fault they can send writes to different servers.',
  WATCHDOG_QUORUM_EDGE:
    'Exactly half of an even number of members is alive; enable_consensus_with_half_votes makes that enough, and two halves could both think so.',
  WATCHDOG_QUORUM_UNKNOWN: 'pgpool sent a quorum state that no known release has.',
  WATCHDOG_TWO_LEADERS:
    'Two pgpools name different leaders: the watchdog is split, and each part may fail over and hold the virtual address.',
}
