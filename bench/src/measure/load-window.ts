import { setTimeout as sleep } from 'node:timers/promises'
import { ApiPoster } from '../load/api-poster.js'
import { DeliveryLedger } from '../load/delivery-ledger.js'
import { eventId, newTag } from '../load/event-id.js'
import { EvenSchedule } from '../load/even-schedule.js'
import { Refusals } from '../load/refusals.js'
import { sendOnSchedule } from '../load/send-on-schedule.js'
import type { BenchReceiver } from '../receiver/bench-receiver.js'
import { type Audience, requestsFor } from '../stack/audience.js'
import type { BenchStack } from '../stack/bench-stack.js'
import { meanDelayMs, projectorDelay } from './projector-delay.js'
import { settle } from './settle.js'
import { cpuSeconds, difference, residentBytes, type Usage } from './usage.js'

export interface Load {
  audience: Audience
  deliveriesPerSecond: number
  /** The window that is measured, and the load before it that is not. */
  seconds: number
  warmUpSeconds: number
  /** How long to wait for what has not arrived at the window's end; two minutes unless told. */
  mostSettleSeconds?: number
  /** Told four times a second. */
  onSample?: (sample: LoadSample) => void
}

export interface LoadSample {
  secondsLeft: number
  /** Due and not delivered. */
  backlog: number
}

/** What a window has shown; `load-row.ts` makes figures of it. */
export interface LoadWindow {
  load: Load
  ledger: DeliveryLedger
  schedule: EvenSchedule
  /** The window's events are those from this number on. */
  firstEvent: number
  refusals: Refusals
  backlog: number[]
  /** Arrivals within the window, counted at each reading of the CPU times. */
  arrivals: number
  cpuSeconds: Usage
  residentBytes: Usage
  /** How old a record was when it could be read from the read models: the mean of the window's rounds. Ms. */
  readableAfterMs: number
  /** How late the generator itself was, ms, per event of the window. */
  sendLateMs: number[]
}

// Enough for every answer that may be under way at 6,000 events/s; the API has the rest queued here and not in itself.
const connections = 64
const sampleEveryMs = 250

/**
 * Puts an even load on the API and watches what arrives. Returns when all is delivered, or when nothing more arrives.
 *
 * @throws the signal's reason when the run is stopped or a process has died
 */
export async function measureLoad(stack: BenchStack, receiver: BenchReceiver, load: Load): Promise<LoadWindow> {
  const { audience, seconds, warmUpSeconds, mostSettleSeconds = 120 } = load
  const eventsPerSecond = load.deliveriesPerSecond / audience.fanOut
  const firstEvent = Math.round(eventsPerSecond * warmUpSeconds)
  const count = firstEvent + Math.round(eventsPerSecond * seconds)
  const ledger = new DeliveryLedger(newTag(), count, audience.fanOut)
  const schedule = new EvenSchedule(performance.now() + 100, eventsPerSecond)
  const poster = new ApiPoster(stack.apiUrl, stack.producerKey, connections)
  const refusals = new Refusals()
  const sendLateMs: number[] = []
  const request = requestsFor(audience)
  const send = (sequence: number): void => {
    if (sequence >= firstEvent) sendLateMs.push(performance.now() - schedule.dueAt(sequence))
    const body = request(sequence, eventId(ledger.tag, sequence))
    poster.post('/v1/events', body, (answer) => void refusals.note(answer))
  }
  const seen = { load, ledger, schedule, firstEvent, refusals, sendLateMs }

  receiver.note(ledger)
  try {
    const { signal } = stack
    const [observed] = await Promise.all([observe(stack, seen, count), sendOnSchedule(schedule, count, send, signal)])
    await settle(ledger, () => (count - refusals.total) * audience.fanOut, mostSettleSeconds, signal)
    return { ...seen, ...observed }
  } finally {
    receiver.forget(ledger)
    await poster.close()
  }
}

type Seen = Pick<LoadWindow, 'load' | 'ledger' | 'schedule' | 'firstEvent'>
type Observed = Pick<LoadWindow, 'backlog' | 'arrivals' | 'cpuSeconds' | 'residentBytes' | 'readableAfterMs'>

async function observe(stack: BenchStack, seen: Seen, count: number): Promise<Observed> {
  const { load, ledger, schedule, firstEvent } = seen
  const { signal } = stack
  const until = (ms: number): Promise<void> => sleep(Math.max(0, ms - performance.now()), undefined, { signal })
  const startMs = schedule.dueAt(firstEvent)
  const endMs = startMs + load.seconds * 1000
  await until(startMs)
  const deliveredBefore = ledger.delivered
  const [before, delayBefore] = await Promise.all([cpuSeconds(stack.pids), projectorDelay(stack.managementUrl)])

  const backlog: number[] = []
  for (let at = startMs + sampleEveryMs; at <= endMs; at += sampleEveryMs) {
    await until(at)
    const now = performance.now()
    backlog.push(Math.min(count, schedule.dueCount(now)) * ledger.fanOut - ledger.delivered)
    load.onSample?.({ secondsLeft: (endMs - now) / 1000, backlog: backlog.at(-1)! })
  }
  const arrivals = ledger.delivered - deliveredBefore
  const used = difference(await cpuSeconds(stack.pids), before)
  const readableAfterMs = meanDelayMs(delayBefore, await projectorDelay(stack.managementUrl))
  return { backlog, arrivals, cpuSeconds: used, residentBytes: await residentBytes(stack.pids), readableAfterMs }
}
