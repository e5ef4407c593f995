import { setTimeout as sleep } from 'node:timers/promises'
import { ApiPoster } from '../load/api-poster.js'
import { DeliveryLedger } from '../load/delivery-ledger.js'
import { eventId, newTag } from '../load/event-id.js'
import { latencies, loadNotes } from '../measure/load-row.js'
import { type LoadWindow, measureLoad } from '../measure/load-window.js'
import { carrying } from '../receiver/answers.js'
import type { Row } from '../report/row.js'
import type { Table } from '../report/table.js'
import { type Audience, audienceOf, requestsFor } from '../stack/audience.js'
import type { BenchStack } from '../stack/bench-stack.js'
import type { Bench, Scenario } from './scenario.js'
import { warmUp } from './warm-up.js'

const accounts = 4
const carriedPerSecond = 800
const neighboursPerSecond = 200
const eventsPerRequest = 500
/** A drain that takes longer has failed, and the row says so: what is put off comes back after 10 s at the earliest. */
const mostDrainSeconds = (idealSeconds: number): number => idealSeconds * 3 + 30

const table: Table = {
  title: 'Burst',
  columns: [
    { key: 'events', title: 'events', digits: 0 },
    { key: 'accepted', title: 'accepted s', digits: 1 },
    { key: 'drain', title: 'drained s', digits: 1 },
    { key: 'ideal', title: 'at best s', digits: 1 },
    { key: 'writes', title: 'writes per delivery', digits: 2 },
    { key: 'p50Before', title: 'neighbours p50 ms before', digits: 1 },
    { key: 'p50', title: 'p50 during', digits: 1 },
    { key: 'p99Before', title: 'p99 ms before', digits: 1 },
    { key: 'p99', title: 'p99 during', digits: 1 },
  ],
}

export const burst: Scenario = {
  name: 'burst',
  title: 'A burst to one receiver',
  text:
    'One webhook gets 50,000 events at once; its receiver carries 800 requests a second, one after the other. The ' +
    'nineteen neighbours get 200 deliveries a second all the while. Writes to tiers are deferrals: what finds no ' +
    'place in the lane is put off without losing an attempt.',
  tables: [table],
  run: (bench) =>
    bench.withStack({ accounts }, async (stack) => {
      const audience = audienceOf(stack.accounts, 1)
      const origin = await bench.receiver.open('http')
      await stack.subscribe(audience, () => origin)
      await warmUp(bench, stack, audience)
      const row = await measureBurst(bench, stack, audience, bench.extent.quick ? 5000 : 50_000)
      bench.progress.done(row)
      return [row]
    }),
}

async function measureBurst(bench: Bench, stack: BenchStack, audience: Audience, count: number): Promise<Row> {
  const { receiver, extent, progress } = bench
  const [target, ...others] = audience.groups
  const burstOnly: Audience = { groups: [target!], fanOut: 1 }
  const idealSeconds = count / carriedPerSecond
  const neighbours = (seconds: number, name: string) =>
    measureLoad(stack, receiver, {
      audience: { groups: others, fanOut: 1 },
      deliveriesPerSecond: neighboursPerSecond,
      seconds,
      warmUpSeconds: 0,
      onSample: progress.sample(`burst, neighbours ${name}`),
    })

  const before = await neighbours(Math.min(extent.seconds, 20), 'before')
  receiver.answer(target!.webhooks[0]!, carrying(carriedPerSecond))
  const writtenBefore = await stack.topics.recordsWritten('deliveries.retry-')
  const [during, drain] = await Promise.all([
    neighbours(idealSeconds, 'during'),
    drainBurst(bench, stack, burstOnly, count, mostDrainSeconds(idealSeconds)),
  ])
  const written = (await stack.topics.recordsWritten('deliveries.retry-')) - writtenBefore
  return {
    label: `${count.toLocaleString('en')} events at once`,
    values: {
      events: count,
      accepted: drain.acceptedSeconds,
      drain: drain.missing > 0 ? NaN : drain.seconds,
      ideal: idealSeconds,
      writes: written / count,
      ...neighbourValues(before, during),
    },
    notes: [...loadNotes(before), ...loadNotes(during), ...drain.notes],
  }
}

function neighbourValues(before: LoadWindow, during: LoadWindow): Record<string, number> {
  const [then, now] = [latencies(before), latencies(during)]
  return { p50Before: then.p50, p99Before: then.p99, p50: now.p50, p99: now.p99 }
}

interface Drain {
  acceptedSeconds: number
  seconds: number
  missing: number
  notes: string[]
}

async function drainBurst(
  { receiver }: Bench,
  stack: BenchStack,
  audience: Audience,
  count: number,
  mostSeconds: number,
): Promise<Drain> {
  const ledger = new DeliveryLedger(newTag(), count, 1)
  const poster = new ApiPoster(stack.apiUrl, stack.producerKey, 2)
  const begun = performance.now()
  const elapsed = (): number => (performance.now() - begun) / 1000
  receiver.note(ledger)
  try {
    await postAll(poster, audience, ledger)
    const acceptedSeconds = elapsed()
    while (ledger.delivered < count && elapsed() < mostSeconds) await sleep(20, undefined, { signal: stack.signal })
    const missing = count - ledger.delivered
    return { acceptedSeconds, seconds: elapsed(), missing, notes: drainNotes(ledger, missing, mostSeconds) }
  } finally {
    receiver.forget(ledger)
    await poster.close()
  }
}

/** In requests of 500 events, two at a time. @throws Error when one of them is refused */
async function postAll(poster: ApiPoster, audience: Audience, ledger: DeliveryLedger): Promise<void> {
  const request = requestsFor(audience)
  let next = 0
  const worker = async (): Promise<void> => {
    while (next < ledger.events) {
      const first = next
      next = Math.min(ledger.events, next + eventsPerRequest)
      const events = Array.from({ length: next - first }, (_, i) => request(first + i, eventId(ledger.tag, first + i)))
      const answer = await poster.send('/v1/events/batch', `{"events":[${events.join()}]}`)
      if (answer !== 202) throw new Error(`the burst was not accepted: ${answer}`)
    }
  }
  await Promise.all([worker(), worker()])
}

function drainNotes(ledger: DeliveryLedger, missing: number, mostSeconds: number): string[] {
  return [
    ...(ledger.repeats > 0 ? [`${ledger.repeats} deliveries of the burst came again`] : []),
    ...(missing > 0 ? [`${missing} deliveries of the burst had not arrived after ${mostSeconds.toFixed(0)} s`] : []),
  ]
}
