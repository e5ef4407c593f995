import { ApiPoster } from '../load/api-poster.js'
import { eventId, newTag } from '../load/event-id.js'
import { Refusals } from '../load/refusals.js'
import { summarize } from '../measure/latency-summary.js'
import { cpuValues } from '../measure/load-row.js'
import { cpuSeconds, difference } from '../measure/usage.js'
import type { Row } from '../report/row.js'
import type { Table } from '../report/table.js'
import { type Audience, audienceOf, requestsFor } from '../stack/audience.js'
import type { BenchStack } from '../stack/bench-stack.js'
import { processTable } from './load-tables.js'
import type { Bench, Scenario } from './scenario.js'

const kinds = [
  { name: 'single posts', perRequest: 1, connections: 64 },
  { name: 'batches of 100', perRequest: 100, connections: 8 },
]

const table: Table = {
  title: 'Ingest',
  columns: [
    { key: 'accepted', title: 'events accepted/s', digits: 0 },
    { key: 'p50', title: 'answer p50 ms', digits: 1 },
    { key: 'p99', title: 'answer p99 ms', digits: 1 },
  ],
}

export const ingest: Scenario = {
  name: 'ingest',
  title: 'Ingest alone',
  text:
    'How fast events are accepted (acknowledged by the broker with acks=all) when nothing is delivered: fan-out and ' +
    'dispatcher do not run; the API also archives what it accepts. Here every connection sends its next request when ' +
    'the last one is answered.',
  tables: [table, processTable('CPU-seconds per 1,000 events', 'cpu', 3)],
  run: (bench) =>
    bench.withStack({ accounts: 1, services: ['api'] }, async (stack) => {
      const rows: Row[] = []
      for (const kind of kinds) {
        const { seconds, warmUpSeconds } = bench.extent
        const post = (duration: number) => postFor(bench, stack, kind, duration)
        await post(warmUpSeconds)
        rows.push(await post(seconds))
        bench.progress.done(rows.at(-1)!)
      }
      return rows
    }),
}

async function postFor(
  { progress }: Bench,
  stack: BenchStack,
  { name, perRequest, connections }: (typeof kinds)[number],
  seconds: number,
): Promise<Row> {
  const audience = audienceOf(stack.accounts, 1)
  const nextBody = bodies(audience, perRequest)
  const poster = new ApiPoster(stack.apiUrl, stack.producerKey, connections)
  const path = perRequest === 1 ? '/v1/events' : '/v1/events/batch'
  const refusals = new Refusals()
  const answerMs: number[] = []
  const before = await cpuSeconds(stack.pids)
  const begun = performance.now()
  const worker = async (): Promise<void> => {
    for (let now = begun; now < begun + seconds * 1000;) {
      stack.signal.throwIfAborted()
      const sentAt = now
      const accepted = refusals.note(await poster.send(path, nextBody()))
      now = performance.now()
      if (accepted) answerMs.push(now - sentAt)
    }
  }
  progress.now(`ingest, ${name}, ${seconds} s`)
  try {
    await Promise.all(Array.from({ length: connections }, worker))
  } finally {
    await poster.close()
  }
  const took = (performance.now() - begun) / 1000
  const events = answerMs.length * perRequest
  const { p50, p99 } = summarize(answerMs)
  const used = difference(await cpuSeconds(stack.pids), before)
  return {
    label: name,
    values: { accepted: events / took, p50, p99, ...cpuValues(used, events) },
    notes: refusals.total > 0 ? [`not accepted: ${refusals}`] : [],
  }
}

function bodies(audience: Audience, perRequest: number): () => string {
  const request = requestsFor(audience)
  const tag = newTag()
  let sequence = 0
  const next = (): string => request(sequence, eventId(tag, sequence++))
  return () => (perRequest === 1 ? next() : `{"events":[${Array.from({ length: perRequest }, next).join()}]}`)
}
