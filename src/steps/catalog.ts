/** Every kind of step that a plan may name. A kind that is not here stops a plan before its first act. */
import type {StepCatalog} from '../engine/step.js'
import type {World} from '../ports/world.js'
import {beginBackup, endBackup} from './backup.js'
import {checkpoint} from './checkpoint.js'
import type {Step} from './context.js'
import {copyData} from './copy-data.js'
import {giveUpOperation} from './give-up-operation.js'
import {finishCopy, proveWal} from './finish-copy.js'
import {attachNode, awaitRouting, detachNode, releaseQuarantine} from './pool-membership.js'
import {fencePool, unfencePool} from './pool-fence.js'
import {setPoolPaths} from './pool-paths.js'
import {followPrimary, movePool, promoteStandby, proveReceived, verifyTopology} from './primary-role.js'
import {poolRecovery} from './pool-recovery.js'
import {verifyEqual} from './verify-equal.js'
import {installHooks, installScripts, pgpoolSettings, recoveryExtension} from './pool-scripts.js'
import {dropRehearsal, isolateCopy, keepFigures, leavePool, promoteAlone, restStandby, startAlone} from './rehearsal.js'
import {
  rehearseCluster,
  rehearseConfig,
  rehearseLinks,
  rehearseSmoke,
  rehearseStart,
  rehearseStop,
  rehearseUpgrade,
} from './rehearsal-trials.js'
import {rewindData} from './rewind-data.js'
import {startServer, stopServer} from './server-power.js'
import {saveConfig, setControlAside, setDataAside} from './set-aside.js'
import {createSlot, dropSlots} from './slots.js'
import {startWhole} from './start-whole.js'
import {configureNew, dropOld, leaveNote, makeStatistics, moveInFile, updateExtensions} from './upgrade-after.js'
import {beginLinks, linkStandbys} from './upgrade-link.js'
import {beginPgUpgrade, pgUpgrade} from './upgrade-pg.js'
import {bringStandbys, openPool, verifyNew} from './upgrade-open.js'
import {located} from './upgrade-place.js'
import {startNew} from './start-new.js'
import {dropReplaced, restoreBackup, runCommand, takeBackup} from './upgrade-way-back.js'
import {makeCluster, stageConfig} from './upgrade-prepare.js'
import {drainClients} from './drain-clients.js'
import {bringRest, dropCatalogs, keepCatalogs, linkRest} from './upgrade-rest.js'
import {stopOld, stopStandbys} from './upgrade-stop.js'
import {awaitStreaming, cleanUp, verifyStandby, writeStandbySettings} from './standby.js'

const ALL: readonly Step[] = [
  attachNode,
  detachNode,
  awaitRouting,
  releaseQuarantine,
  stopServer,
  startServer,
  checkpoint,
  drainClients,
  createSlot,
  dropSlots,
  saveConfig,
  setControlAside,
  setDataAside,
  beginBackup,
  copyData,
  endBackup,
  proveWal,
  finishCopy,
  rewindData,
  writeStandbySettings,
  awaitStreaming,
  verifyStandby,
  cleanUp,
  fencePool,
  unfencePool,
  proveReceived,
  promoteStandby,
  movePool,
  followPrimary,
  verifyTopology,
  stageConfig,
  makeCluster,
  stopOld,
  beginPgUpgrade,
  startNew,
  located('stop-new', 'new', stopServer),
  located('start-old', 'old', startServer),
  stopStandbys,
  beginLinks,
  pgUpgrade,
  linkStandbys,
  keepCatalogs,
  bringStandbys,
  verifyNew,
  openPool,
  linkRest,
  bringRest,
  dropCatalogs,
  setPoolPaths,
  updateExtensions,
  makeStatistics,
  moveInFile,
  giveUpOperation,
  leaveNote,
  configureNew,
  dropOld,
  takeBackup,
  runCommand,
  restoreBackup,
  dropReplaced,
  startWhole,
  leavePool,
  restStandby,
  isolateCopy,
  startAlone,
  promoteAlone,
  rehearseStop,
  rehearseConfig,
  rehearseCluster,
  rehearseUpgrade,
  rehearseLinks,
  rehearseStart,
  rehearseSmoke,
  dropRehearsal,
  keepFigures,
  poolRecovery,
  verifyEqual,
  installScripts,
  installHooks,
  recoveryExtension,
  pgpoolSettings,
]

export const stepCatalog: StepCatalog<World> = new Map(ALL.map((step) => [step.kind, step]))
