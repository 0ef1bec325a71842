/** What was asked for: the flags of `poolctl promote`, as data that stands in the plan. */
export type PromoteRequest = {
  node: number
  failover: boolean
  /** Failover only: go on although another standby has received more, or the loss cannot be bounded. */
  allowDataLoss: boolean
  /** Failover only: the operator attests that a primary whose host cannot be reached is off. */
  primaryIsFenced: boolean
  maxLagBytes: number
}
