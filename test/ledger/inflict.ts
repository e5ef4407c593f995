import { setTimeout as sleep } from 'node:timers/promises'
import { type ProcessEnd, waitUntil } from '../../local/src/index.js'
import type { FaultKind } from './ledger.js'
import { processState, processTree } from './process-state.js'
import type { Victim } from './victim.js'

/** A service's grace period; a broker and a database are given as long. Ms. */
const GRACE_MS = 15_000
const STOPPED_WITHIN_MS = 2_000

/**
 * Does it, stays away for `awayMs`, and undoes it as far as starting again; the process need not be healthy then.
 *
 * @returns how we know that it happened
 * @throws Error when it did not, or when a process that was asked to end did not end well
 */
export async function inflict(kind: FaultKind, victim: Victim, awayMs: number): Promise<string> {
  if (kind === 'pause') return pause(victim, awayMs)
  const { pid, ended } = victim
  const signal = kind === 'kill' ? 'SIGKILL' : victim.politely
  process.kill(pid, signal)
  const end = await within(GRACE_MS, ended)
  if (!end) {
    process.kill(pid, 'SIGKILL')
    await ended
  }
  // After all: a victim that outlived its grace period is started again, too.
  await sleep(awayMs)
  await startPatiently(victim)
  if (!end) throw new Error(`${victim.instance} did not end within ${GRACE_MS / 1_000} s after ${signal}`)
  return proofOf(pid, signal, end, victim)
}

function proofOf(pid: number, signal: NodeJS.Signals, end: ProcessEnd, victim: Victim): string {
  if (processState(pid) !== undefined) throw new Error(`${victim.instance} ${pid} is still there after ${signal}`)
  const how = `ended with ${end.signal ?? `code ${end.code}`}`
  if (signal === 'SIGKILL' && end.signal !== 'SIGKILL') throw new Error(`${victim.instance} ${pid} ${how}`)
  const isService = ['api', 'fanout', 'dispatcher'].includes(victim.target)
  if (signal !== 'SIGKILL' && isService && end.code !== 0) {
    throw new Error(`${victim.instance} ${pid} ${how} after ${signal}`)
  }
  return `${pid} ${how} and is gone`
}

async function pause({ pid, instance }: Victim, awayMs: number): Promise<string> {
  const pids = processTree(pid)
  signalAll(pids, 'SIGSTOP')
  try {
    const isStopped = () => processState(pid) === 'T'
    await waitUntil(`${instance} standing still`, isStopped, { timeoutMs: STOPPED_WITHIN_MS })
    await sleep(awayMs)
    if (!isStopped()) throw new Error(`${instance} ${pid} went on before it was told to`)
  } finally {
    signalAll(pids, 'SIGCONT')
  }
  return `${pid} stood still (state T) for ${awayMs} ms`
}

/** Children may have ended meanwhile; that the process itself did what it was told is checked by its state. */
function signalAll(pids: number[], signal: NodeJS.Signals): void {
  for (const pid of pids) {
    try {
      process.kill(pid, signal)
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'ESRCH') throw error
    }
  }
}

/** As a supervisor would: a service may end at its start while what it needs is away. */
async function startPatiently(victim: Victim): Promise<void> {
  for (let attempt = 1; ; attempt++) {
    try {
      return await victim.startAgain()
    } catch (error) {
      if (attempt === MOST_STARTS) throw error
      await sleep(1_000)
    }
  }
}

const MOST_STARTS = 20

async function within<T>(limitMs: number, promise: Promise<T>): Promise<T | undefined> {
  const timeUp = new AbortController()
  try {
    return await Promise.race([promise, sleep(limitMs, undefined, { signal: timeUp.signal, ref: false })])
  } finally {
    timeUp.abort()
  }
}
