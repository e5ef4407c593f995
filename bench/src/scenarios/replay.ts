import { ApiClient } from '../../../local/src/api-client.js'
import { ApiPoster } from '../load/api-poster.js'
import { DeliveryLedger } from '../load/delivery-ledger.js'
import { eventId, newTag } from '../load/event-id.js'
import { loadRow } from '../measure/load-row.js'
import { measureLoad } from '../measure/load-window.js'
import { readModelsCaughtUp } from '../measure/projector-delay.js'
import { settle } from '../measure/settle.js'
import type { Row } from '../report/row.js'
import type { Table } from '../report/table.js'
import { type Audience, audienceOf, requestsFor } from '../stack/audience.js'
import type { BenchStack } from '../stack/bench-stack.js'
import type { Bench, Scenario } from './scenario.js'
import { warmUpSteady } from './warm-up.js'

const livePerSecond = 200
const replayPerSecond = 500
const events = { full: 20_000, quick: 1_000 }
const perBatch = 100
/** The live load is measured while the replay runs, and not after it. */
const mostLiveSeconds = 30
const mostSettleSeconds = 120
/** Beyond the numbers of the live webhooks. */
const newcomer = 9_999

const table: Table = {
  title: 'Live deliveries',
  columns: [
    { key: 'p50', title: 'p50 ms', digits: 1 },
    { key: 'p99', title: 'p99 ms', digits: 1 },
    { key: 'max', title: 'max ms', digits: 0 },
    { key: 'ratio', title: 'p99 ÷ alone', digits: 2 },
    { key: 'replayed', title: 'replayed', digits: 0 },
    { key: 'replayedPerSecond', title: 'replayed/s', digits: 0 },
  ],
}

export const replay: Scenario = {
  name: 'replay',
  title: 'Replay',
  text:
    'A webhook made today receives what happened before, at 500 events a second, beside 200 live deliveries a second to ' +
    'others: do these notice? Compared with the mean of the windows before and after, since a shared machine is faster at ' +
    'times. Postgres has a used write-ahead log, as after a day.',
  tables: [table],
  run: (bench) =>
    bench.withStack({ accounts: 4 }, async (stack) => {
      const { receiver, extent, progress } = bench
      const [historian, ...others] = stack.accounts
      const live = audienceOf(others, 1)
      const origin = await receiver.open('http')
      await stack.subscribe(live, () => origin)
      const since = new Date().toISOString()
      const past: Audience = {
        groups: [{ accountId: historian!.id, type: 'context.updated', webhooks: [newcomer] }],
        fanOut: 1,
      }
      const history = await postHistory(bench, stack, past, extent.quick ? events.quick : events.full)
      await warmUpSteady(bench, stack, live, livePerSecond)
      const measure = async (label: string): Promise<Row> => {
        await readModelsCaughtUp(stack.managementUrl, stack.signal)
        const seconds = Math.min(extent.seconds, mostLiveSeconds)
        const load = { audience: live, deliveriesPerSecond: livePerSecond, ...extent, seconds }
        return loadRow(label, await measureLoad(stack, receiver, { ...load, onSample: progress.sample(label) }))
      }

      const before = await measure('alone, before')
      progress.done(before)
      await stack.subscribe(past, () => origin)
      receiver.note(history)
      const begun = performance.now()
      await startReplay(stack, historian!.key, since)
      const beside = await measure('beside the replay')
      await settle(history, () => history.events, mostSettleSeconds, stack.signal)
      const last = Math.max(...Array.from({ length: history.events }, (_, event) => history.arrivedAt(event, 0) ?? 0))
      receiver.forget(history)
      beside.values.replayed = history.delivered
      beside.values.replayedPerSecond = (history.delivered / (last - begun)) * 1000
      if (history.delivered < history.events)
        beside.notes.push(`${history.events - history.delivered} were not replayed`)
      if (history.repeats > 0) beside.notes.push(`${history.repeats} replayed deliveries came again`)
      progress.done(beside, `${history.delivered} replayed`)

      const after = await measure('alone, after')
      beside.values.ratio = beside.values.p99! / ((before.values.p99! + after.values.p99!) / 2)
      progress.done(after, `beside ÷ alone ${beside.values.ratio.toFixed(2)}`)
      return [before, beside, after]
    }),
}

/** Events that nobody subscribes to yet. */
async function postHistory(bench: Bench, stack: BenchStack, past: Audience, count: number): Promise<DeliveryLedger> {
  const history = new DeliveryLedger(newTag(), count, 1)
  const request = requestsFor(past)
  const poster = new ApiPoster(stack.apiUrl, stack.producerKey, 1)
  try {
    for (let next = 0; next < count; next += perBatch) {
      bench.progress.now(`posting history, ${next} of ${count}`)
      const batch = Array.from({ length: perBatch }, (_, i) => request(next + i, eventId(history.tag, next + i)))
      const answer = await poster.send('/v1/events/batch', `{"events":[${batch.join()}]}`)
      if (answer !== 202) throw new Error(`history was not accepted: ${String(answer)}`)
    }
  } finally {
    await poster.close()
  }
  return history
}

async function startReplay(stack: BenchStack, key: string, since: string): Promise<void> {
  const api = new ApiClient(stack.apiUrl)
  const { data } = (await api.expect('GET', '/v1/webhooks', key)) as unknown as { data: { id: string }[] }
  const body = { since, only: 'missed', rate_per_second: replayPerSecond }
  await api.expect('POST', `/v1/webhooks/${data[0]!.id}/replays`, key, body)
}
