/** What `attach` is asked and what it looks at. */
import type {ClusterView} from '../survey-cluster.js'

export type AttachRequest = {
  node: number
  /** Bytes it may be behind, in place of the cluster file's limit. */
  allowLagBytes: number | null
}

export type AttachFacts = {
  view: ClusterView
  /** Those of several pgpools that have the node in quarantine: each believes for itself, and has to be told by itself. */
  quarantinedAt: string[]
  maxLagBytes: number
  /** No cluster file: only pgpool can be asked. */
  pcpOnly: boolean
  /** Null when its host could not be asked for a lock; then it is not locked either. */
  hostReachable: boolean
}
