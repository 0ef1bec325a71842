/** `hold`: a person should look at it. `past`: there is no way back any more. */
export type VerdictKind = 'go' | 'hold' | 'back' | 'past'

/** What the engine tells while it runs. Renderers draw from these; `--output ndjson` prints them as they are. */
export type EngineEvent = {operation: string; sequence: number; at: string} & (
  | {
      type: 'op.started'
      verb: string
      cluster: string
      steps: {id: string; title: string; host: string | null}[]
      resumed: boolean
    }
  | {type: 'step.started'; step: string; title: string; host: string | null; undoing: boolean}
  | {type: 'step.progress'; step: string; observation: string}
  /** What the plan has promised: before each step, and while one takes its time. */
  | {type: 'deadline'; step: string; verdict: VerdictKind; observation: string}
  | {type: 'step.done'; step: string; seconds: number; outcome: 'done' | 'already' | 'undone'; because: string}
  | {type: 'step.failed'; step: string; seconds: number; message: string}
  | {type: 'op.done'; outcome: string; exitCode: number}
)

export type EventSink = (event: EngineEvent) => void
