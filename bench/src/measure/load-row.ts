import { groupOf } from '../stack/audience.js'
import type { Row } from '../report/row.js'
import { isFlat } from './backlog.js'
import { summarize, type LatencySummary } from './latency-summary.js'
import type { LoadWindow } from './load-window.js'
import { measured, type Usage } from './usage.js'

const mostP99Ms = 1000
const leastShare = 0.99
/** Beyond this the generator, and not the product, may have made the latencies. Ms. */
const mostSendLateMs = 20

/** The figures of a window with the load's own columns, and notes for whatever should not have happened. */
export function loadRow(label: string, window: LoadWindow): Row {
  const { load } = window
  const latency = latencies(window)
  return {
    label,
    values: {
      offered: load.deliveriesPerSecond,
      delivered: window.arrivals / load.seconds,
      ...latency,
      readable: window.readableAfterMs,
      ...cpuValues(window.cpuSeconds, window.arrivals),
      ...memoryValues(window.residentBytes),
    },
    notes: [...loadNotes(window), ...undelivered(window)],
  }
}

/** What should not have happened to those webhooks, apart from deliveries that did not arrive. */
export function loadNotes(window: LoadWindow, of: (webhook: number) => boolean = () => true): string[] {
  const { load, ledger, refusals } = window
  const repeats = ledger.repeatsOf((sequence, position) => of(groupOf(load.audience, sequence).webhooks[position]!))
  return [
    ...(refusals.total > 0 ? [`not accepted: ${refusals}`] : []),
    ...(repeats > 0 ? [`${repeats} deliveries came again`] : []),
    ...(ledger.invented > 0 ? [`${ledger.invented} deliveries that nobody sent`] : []),
    ...lateGenerator(window),
  ]
}

/**
 * Whether the product kept up with the load for the whole window. What arrives in it may have been due just before it, as
 * what is due at its end arrives just after it: only so are short windows and long ones judged alike.
 */
export function isSustained(window: LoadWindow): boolean {
  const { load, arrivals, backlog } = window
  return (
    arrivals >= leastShare * load.deliveriesPerSecond * load.seconds &&
    latencies(window).p99 < mostP99Ms &&
    isFlat(backlog, load.deliveriesPerSecond)
  )
}

/**
 * From the time that an event was due to its arrival, of the window's deliveries to those webhooks. One that never
 * arrived took for ever: leaving it out would flatter.
 */
export function latencies(window: LoadWindow, of: (webhook: number) => boolean = () => true): LatencySummary {
  return summarize(latencyValues(window, of))
}

export function latencyValues(window: LoadWindow, of: (webhook: number) => boolean = () => true): number[] {
  const { ledger, schedule, load, firstEvent } = window
  const values: number[] = []
  for (let sequence = firstEvent; sequence < ledger.events; sequence++) {
    for (const [position, webhook] of groupOf(load.audience, sequence).webhooks.entries()) {
      if (of(webhook)) values.push((ledger.arrivedAt(sequence, position) ?? Infinity) - schedule.dueAt(sequence))
    }
  }
  return values
}

/** CPU-seconds per 1,000 of what was done; `all` is the product with broker and database. */
export function cpuValues(used: Usage, done: number): Record<string, number> {
  return named('cpu', used, (seconds) => (seconds / done) * 1000)
}

export function memoryValues(bytes: Usage): Record<string, number> {
  return named('memory', bytes, (value) => value / 2 ** 20)
}

/** `<kind>_api` and so on, and their sum without this process as `<kind>_all`. */
export function named(kind: string, usage: Usage, convert: (value: number) => number): Record<string, number> {
  const all = measured.reduce((sum, name) => sum + usage[name], 0)
  return Object.fromEntries(
    Object.entries({ ...usage, all }).map(([name, value]) => [`${kind}_${name}`, convert(value)]),
  )
}

function undelivered({ ledger, refusals }: LoadWindow): string[] {
  const missing = (ledger.events - refusals.total) * ledger.fanOut - ledger.delivered
  return missing > 0 ? [`${missing} deliveries had not arrived when nothing more came`] : []
}

function lateGenerator({ sendLateMs }: LoadWindow): string[] {
  const { p99 } = summarize(sendLateMs)
  return p99 > mostSendLateMs ? [`the generator itself was late, p99 ${p99.toFixed(0)} ms`] : []
}
