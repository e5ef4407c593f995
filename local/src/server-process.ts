import { spawn } from 'node:child_process'
import { closeSync, fstatSync, openSync, readFileSync, readSync } from 'node:fs'
import { killWithUs, spare } from './process-guard.js'

export interface ServerCommand {
  /** For people, in messages: "Kafka". */
  name: string
  command: string
  args: readonly string[]
  /** Standard output and error are appended here. */
  logFile: string
  cwd?: string
  env?: NodeJS.ProcessEnv
  uid?: number
  gid?: number
}

export interface ProcessEnd {
  code: number | null
  signal: NodeJS.Signals | null
}

export interface ServerProcess {
  readonly pid: number
  /** Resolves when the process has ended, never rejects. */
  readonly ended: Promise<ProcessEnd>
  readonly running: boolean
  /** To the whole process group; nothing happens when it has ended. */
  signal(name: NodeJS.Signals): void
  /** What it wrote to its log file since it was started, the last 4 KiB. */
  lastWords(): string
}

/**
 * Starts a long-running process in a process group of its own, so that Ctrl-C in the terminal reaches only us and we end
 * our children in order. It never outlives this process (see killWithUs).
 *
 * @throws Error when the command cannot be started at all
 */
export async function startServerProcess(command: ServerCommand): Promise<ServerProcess> {
  const log = openSync(command.logFile, 'a')
  const logStart = fstatSync(log).size
  const child = spawn(command.command, command.args, {
    stdio: ['ignore', log, log],
    detached: true,
    ...(command.cwd !== undefined && { cwd: command.cwd }),
    ...(command.env && { env: command.env }),
    ...(command.uid !== undefined && { uid: command.uid }),
    ...(command.gid !== undefined && { gid: command.gid }),
  })
  closeSync(log)
  const { pid } = child
  if (pid === undefined) throw await new Promise<Error>((resolve) => child.once('error', resolve))

  killWithUs(pid)
  let running = true
  const ended = new Promise<ProcessEnd>((resolve) => {
    child.once('exit', (code, signal) => {
      running = false
      spare(pid)
      resolve({ code, signal })
    })
  })

  return {
    pid,
    ended,
    get running() {
      return running
    },
    signal(name) {
      if (running) signalGroup(pid, name)
    },
    lastWords: () => readFrom(command.logFile, logStart),
  }
}

/** Asks it to end, and insists with SIGKILL after `limitMs`. */
export async function endServerProcess(
  child: ServerProcess,
  politely: NodeJS.Signals,
  limitMs: number,
): Promise<ProcessEnd> {
  child.signal(politely)
  const insist = setTimeout(() => child.signal('SIGKILL'), limitMs)
  try {
    return await child.ended
  } finally {
    clearTimeout(insist)
  }
}

/** Signals a process group, or the process where it leads no group (yet). One that has ended is no error. */
export function signalGroup(pid: number, name: NodeJS.Signals): void {
  for (const target of [-pid, pid]) {
    try {
      process.kill(target, name)
      return
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'ESRCH') throw error
    }
  }
}

function readFrom(file: string, start: number): string {
  const length = readFileSync(file).length - start
  const buffer = Buffer.alloc(Math.max(0, Math.min(length, 4096)))
  const descriptor = openSync(file, 'r')
  try {
    readSync(descriptor, buffer, 0, buffer.length, start + length - buffer.length)
  } finally {
    closeSync(descriptor)
  }
  return buffer.toString('utf8').trim()
}
