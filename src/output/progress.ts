/**
 * Draws a running operation from the engine's events, on standard error. listr2 only draws: each of its tasks is a promise
 * that an event settles. If it ran the steps, its own Ctrl-C handling would end the process between act and journal.
 */
import type {ListrDefaultRendererLogLevels, ListrLogLevels} from 'listr2'
import type {EngineEvent, EventSink} from '../engine/events.js'
import {escapeText} from './escape.js'

export type Progress = {
  sink: EventSink
  /** Leaves the screen in order; resolves when nothing more is drawn. */ end(): Promise<void>
}

export type ProgressTarget = {live: boolean; say(text: string): void}

export async function openProgress(target: ProgressTarget): Promise<Progress> {
  return target.live ? drawnProgress(target) : lineProgress(target)
}

/** A sign of life at most this often while one step takes its time. */
const HEARTBEAT_MS = 30_000

/** One line per change, none that moves the cursor: for logs and CI. */
export function lineProgress(
  target: Pick<ProgressTarget, 'say'>,
  now: () => number = () => performance.now(),
): Progress {
  let begun = now()
  let current: {title: string; since: number; seen: string} | null = null
  let lastLine = now()
  let promised: {step: string; verdict: string} | null = null
  const line = (text: string): void => {
    lastLine = now()
    target.say(`${elapsed(now() - begun)} ${text}`)
  }
  const beat = (): void => {
    if (current === null || now() - lastLine < HEARTBEAT_MS) return
    line(`still: ${current.title}${current.seen === '' ? '' : `, ${current.seen}`}`)
  }
  const timer = setInterval(beat, 1000)
  timer.unref()
  const sink = (event: EngineEvent): void => {
    switch (event.type) {
      case 'op.started':
        begun = now()
        line(`${event.resumed ? 'resuming' : 'running'} ${event.verb} ${event.operation}, ${event.steps.length} steps`)
        return
      case 'step.started': {
        const title = `${event.undoing ? 'undoing: ' : ''}${escapeText(event.title)}`
        current = {title, since: now(), seen: ''}
        line(`begin: ${title}${event.host === null ? '' : ` (${escapeText(event.host)})`}`)
        return
      }
      case 'step.progress':
        if (current) current.seen = escapeText(event.observation)
        beat()
        return
      case 'deadline': {
        // Asked anew in the middle of a step it is a sign of life, unless it says something else.
        const again = promised?.step === event.step && promised.verdict === event.verdict
        promised = event
        if (!again || now() - lastLine >= HEARTBEAT_MS) line(escapeText(event.observation))
        return
      }
      case 'step.done':
        current = null
        line(`${event.outcome}: ${event.step} in ${event.seconds.toFixed(1)} s, ${escapeText(event.because)}`)
        return
      case 'step.failed':
        current = null
        line(`failed: ${event.step} after ${event.seconds.toFixed(1)} s, ${escapeText(event.message)}`)
        return
      case 'op.done':
        line(`${event.outcome}, exit code ${event.exitCode}`)
    }
  }
  return {
    sink,
    end: () => {
      clearInterval(timer)
      return Promise.resolve()
    },
  }
}

function elapsed(ms: number): string {
  const seconds = Math.floor(ms / 1000)
  return `[${Math.floor(seconds / 60)}:${String(seconds % 60).padStart(2, '0')}]`
}

type Drawn = {
  id: string
  settle: (error: Error | null) => void
  /** Under its title: what was seen last, and what was promised. */
  show: (part: 'seen' | 'promised', text: string) => void
}

/** Also what comes before listr2 has begun to draw the task. */
function lines(): {show: Drawn['show']; drawOn: (task: {output: string}) => void} {
  const shown = {seen: '', promised: ''}
  let draw = (): void => undefined
  return {
    show: (part, text) => {
      shown[part] = text
      draw()
    },
    drawOn: (task) => {
      draw = () => (task.output = [shown.seen, shown.promised].filter((text) => text !== '').join('; '))
      draw()
    },
  }
}

function drawTask({show, settle}: Drawn, event: EngineEvent): void {
  if (event.type === 'step.progress') show('seen', escapeText(event.observation))
  if (event.type === 'deadline') show('promised', escapeText(event.observation))
  if (event.type === 'step.done') {
    show('promised', '')
    show('seen', `${event.seconds.toFixed(1)} s, ${escapeText(event.because)}`)
    settle(null)
  }
  if (event.type === 'step.failed') settle(new Error(escapeText(event.message)))
}

async function drawnProgress(target: ProgressTarget): Promise<Progress> {
  const {Listr, ListrLogger, ProcessOutput} = await import('listr2')
  const rest = lineProgress(target)
  let tasks: Drawn[] = []
  let drawing: Promise<unknown> = Promise.resolve()
  let backwards = false

  const begin = (steps: Extract<EngineEvent, {type: 'op.started'}>['steps']): void => {
    tasks = steps.map(() => ({}) as Drawn)
    const processOutput = new ProcessOutput(process.stderr, process.stderr)
    const list = new Listr(
      steps.map((step, index) => {
        let settle: Drawn['settle'] = () => undefined
        const promise = new Promise<void>((resolve, reject) => {
          settle = (error) => (error === null ? resolve() : reject(error))
        })
        const {show, drawOn} = lines()
        tasks[index] = {id: step.id, settle, show}
        promise.catch(() => undefined)
        return {
          title: `${escapeText(step.title)}${step.host === null ? '' : ` (${escapeText(step.host)})`}`,
          task: (_: unknown, task: {output: string}) => {
            drawOn(task)
            return promise
          },
        }
      }),
      {
        registerSignalListeners: false,
        exitOnError: true,
        rendererOptions: {
          logger: new ListrLogger<ListrDefaultRendererLogLevels>({processOutput}),
          collapseErrors: false,
        },
        fallbackRendererOptions: {logger: new ListrLogger<ListrLogLevels>({processOutput})},
      },
    )
    drawing = list.run().catch(() => undefined)
  }
  const settleBefore = (id: string): void => {
    for (const task of tasks.slice(
      0,
      Math.max(
        0,
        tasks.findIndex((t) => t.id === id),
      ),
    ))
      task.settle(null)
  }
  const stopDrawing = (why: string): void => {
    backwards = true
    for (const task of tasks) task.settle(new Error(why))
  }
  const sink = (event: EngineEvent): void => {
    if (event.type === 'op.started') {
      begin(event.steps)
      return
    }
    if (event.type === 'step.started' && event.undoing && !backwards) stopDrawing('going back')
    if (backwards) {
      rest.sink(event)
      return
    }
    if (event.type === 'step.started') settleBefore(event.step)
    const task = 'step' in event ? tasks.find((t) => t.id === event.step) : undefined
    if (task) drawTask(task, event)
    if (event.type === 'op.done') {
      if (event.outcome === 'completed') for (const t of tasks) t.settle(null)
      else stopDrawing(event.outcome)
    }
  }
  return {
    sink,
    async end() {
      stopDrawing('ended')
      await drawing
      await rest.end()
    },
  }
}
