import { setTimeout as sleep } from 'node:timers/promises'
import { RetrySchedule, DEFAULT_RETRY_SCHEDULE } from '#domain'
import { sequenceOf } from '../load/event-id.js'
import { summarize } from '../measure/latency-summary.js'
import { measureLoad } from '../measure/load-window.js'
import { type Answer, fail, ok } from '../receiver/answers.js'
import type { Row } from '../report/row.js'
import type { Table } from '../report/table.js'
import { audienceOf, webhookCount } from '../stack/audience.js'
import type { Bench, Scenario } from './scenario.js'
import { warmUp } from './warm-up.js'

const accounts = 4
const deliveriesPerSecond = 500
/** So few that no circuit opens: then it would be the circuit's time that is measured. */
const oneFailsOf = 5
const retries = { full: 10_000, quick: 200 }
const waitMs = RetrySchedule.parse(DEFAULT_RETRY_SCHEDULE).tiers[0]!.delayMs
const jitterMs = waitMs / 10
const allowedMs = 1_000

const table: Table = {
  title: 'Time from a failed attempt to the next, less the ten seconds of the schedule',
  columns: [
    { key: 'retries', title: 'retries', digits: 0 },
    { key: 'early', title: 'early', digits: 0 },
    { key: 'p50', title: 'p50 ms', digits: 0 },
    { key: 'p99', title: 'p99 ms', digits: 0 },
    { key: 'max', title: 'max ms', digits: 0 },
    { key: 'late', title: 'later than 1 s + jitter', digits: 0 },
    { key: 'missing', title: 'not arrived', digits: 0 },
  ],
}

export const spacing: Scenario = {
  name: 'spacing',
  title: 'Spacing of retries',
  text:
    'One of five deliveries fails at its first attempt and succeeds at its second, 500 deliveries a second in all. The ' +
    'jitter adds up to a second. Measured at the receiver, from arrival to arrival.',
  tables: [table],
  run: (bench) =>
    bench.withStack({ accounts }, async (stack) => {
      const audience = audienceOf(stack.accounts, 1)
      const origin = await bench.receiver.open('http')
      await stack.subscribe(audience, () => origin)
      await warmUp(bench, stack, audience)
      const count = bench.extent.quick ? retries.quick : retries.full
      const arrivals = new Map<string, number[]>()
      const answer = failingOnce(arrivals, audience.groups.length)
      for (let webhook = 0; webhook < webhookCount(audience); webhook++) bench.receiver.answer(webhook, answer)
      const seconds = (count * oneFailsOf) / deliveriesPerSecond
      const load = { audience, deliveriesPerSecond, seconds, warmUpSeconds: 0 }
      await measureLoad(stack, bench.receiver, { ...load, onSample: bench.progress.sample('spacing') })
      await awaitRetries(bench, arrivals, count, stack.signal)
      const row = rowOf(arrivals, count)
      bench.progress.done(row)
      return [row]
    }),
}

/** Groups take turns, one webhook each: by rounds, so that every webhook fails as often as the others. */
function failingOnce(arrivals: Map<string, number[]>, groups: number): Answer {
  return (socket, eventId) => {
    if (Math.floor(sequenceOf(eventId) / groups) % oneFailsOf !== 0) return ok(socket)
    const times = arrivals.get(eventId) ?? []
    arrivals.set(eventId, [...times, performance.now()])
    return times.length === 0 ? fail(socket) : ok(socket)
  }
}

async function awaitRetries(bench: Bench, arrivals: Map<string, number[]>, count: number, signal: AbortSignal) {
  const giveUpAt = performance.now() + 3 * waitMs
  const missing = () => count - [...arrivals.values()].filter(({ length }) => length > 1).length
  while (missing() > 0 && performance.now() < giveUpAt) {
    bench.progress.now(`spacing, ${missing()} retries to come`)
    await sleep(250, undefined, { signal })
  }
}

function rowOf(arrivals: Map<string, number[]>, count: number): Row {
  const late = [...arrivals.values()]
    .filter(({ length }) => length > 1)
    .map(([first, second]) => second! - first! - waitMs)
  const again = [...arrivals.values()].filter(({ length }) => length > 2).length
  return {
    label: `${count.toLocaleString('en')} retries`,
    values: {
      ...summarize(late),
      retries: late.length,
      early: late.filter((ms) => ms < 0).length,
      late: late.filter((ms) => ms > jitterMs + allowedMs).length,
      missing: count - late.length,
    },
    notes: again > 0 ? [`${again} deliveries came again after they had succeeded`] : [],
  }
}
