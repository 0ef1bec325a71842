/** `host: local`: the machine that poolctl itself runs on. */
import {spawn} from 'node:child_process'
import {connect} from 'node:net'
import type {Duplex} from 'node:stream'
import {Unreachable} from '../lib/errors.js'
import {Interrupted, type ExecOptions, type ExecResult, type ForwardTarget, type Transport} from './transport.js'

const CONNECT_MS = 10_000

export class LocalTransport implements Transport {
  exec(words: readonly string[], options: ExecOptions): Promise<ExecResult> {
    return runChild(words, options)
  }

  forward(target: ForwardTarget): Promise<Duplex> {
    return new Promise((resolve, reject) => {
      const socket =
        'socketPath' in target ? connect(target.socketPath) : connect({host: target.host, port: target.port})
      const fail = (why: string): void => {
        socket.destroy()
        const place = 'socketPath' in target ? target.socketPath : `${target.host}:${target.port}`
        reject(
          new Unreachable({code: 'FORWARD_REFUSED', message: `cannot reach ${place} from this machine`, detail: why}),
        )
      }
      const onError = (error: Error): void => fail(error.message)
      const timer = setTimeout(() => fail(`no answer within ${CONNECT_MS / 1000} s`), CONNECT_MS)
      socket.once('error', onError)
      socket.once('connect', () => {
        clearTimeout(timer)
        socket.off('error', onError)
        resolve(socket)
      })
      socket.once('close', () => clearTimeout(timer))
    })
  }

  close(): Promise<void> {
    return Promise.resolve()
  }
}

/**
 * Runs a child in its own process group, so that a deadline ends it with everything it started, and a Ctrl-C at the terminal
 * does not reach it: the engine decides what an interrupt stops.
 */
export function runChild(words: readonly string[], options: ExecOptions): Promise<ExecResult> {
  return new Promise((resolve, reject) => {
    const [program, ...args] = words
    if (program === undefined) throw new Error('an empty command')
    const child = spawn(program, args, {detached: true, stdio: 'pipe', cwd: '/'})
    const stdout: Buffer[] = []
    const stderr: Buffer[] = []
    let late = false
    const timer = setTimeout(() => {
      late = true
      if (child.pid !== undefined) killGroup(child.pid)
    }, options.deadlineMs)
    child.stdout.on('data', (chunk: Buffer) => stdout.push(chunk))
    child.stderr.on('data', (chunk: Buffer) => stderr.push(chunk))
    // A child that ends without reading its input is judged by its exit status, not by our broken pipe.
    child.stdin.on('error', () => undefined)
    child.on('error', (error) => {
      clearTimeout(timer)
      reject(new Unreachable({code: 'HOST_COMMAND_MISSING', message: `cannot run ${program}`, detail: error.message}))
    })
    child.on('close', (status, signal) => {
      clearTimeout(timer)
      if (late) reject(new Interrupted('deadline', true, `no end within ${Math.round(options.deadlineMs / 1000)} s`))
      else resolve({status, signal, stdout: Buffer.concat(stdout), stderr: Buffer.concat(stderr)})
    })
    child.stdin.end(options.input)
  })
}

function killGroup(pid: number): void {
  try {
    process.kill(-pid, 'SIGKILL')
  } catch {
    // It ended between the timer and the kill: its close event follows.
  }
}
