import { ApiClient } from '../../../local/src/api-client.js'
import { ApiPoster } from '../load/api-poster.js'
import { DeliveryLedger } from '../load/delivery-ledger.js'
import { eventId, newTag } from '../load/event-id.js'
import { latencyValues, loadRow } from '../measure/load-row.js'
import { measureLoad } from '../measure/load-window.js'
import { readModelsCaughtUp } from '../measure/projector-delay.js'
import { settle } from '../measure/settle.js'
import type { Table } from '../report/table.js'
import { type Audience, audienceOf, requestsFor } from '../stack/audience.js'
import type { BenchStack } from '../stack/bench-stack.js'
import { type Turn, comparedColumns, inTurns } from './in-turns.js'
import type { Bench, Scenario } from './scenario.js'
import { warmUpSteady } from './warm-up.js'

const livePerSecond = 200
const replayPerSecond = 500
/** How often windows beside the replay and windows without it follow each other. */
const turns = { full: 3, quick: 1 }
const mostWindowSeconds = 30
/** More than the windows can take, so that none of them sees the replay's end. */
const events = { full: 60_000, quick: 10_000 }
const perBatch = 100
const mostSettleSeconds = 120
/** Beyond the numbers of the live webhooks. */
const newcomer = 9_999

const table: Table = {
  title: 'Live deliveries',
  columns: [
    { key: 'p50', title: 'p50 ms', digits: 1 },
    { key: 'p99', title: 'p99 ms', digits: 1 },
    { key: 'max', title: 'max ms', digits: 0 },
    ...comparedColumns('alone'),
    { key: 'replayed', title: 'replayed', digits: 0 },
    { key: 'replayedPerSecond', title: 'replayed/s', digits: 0 },
  ],
}

export const replay: Scenario = {
  name: 'replay',
  title: 'Replay',
  text:
    'A webhook made today receives what happened before, at 500 events a second, beside 200 live deliveries a second to ' +
    'others: do these notice? Windows without the replay, which is paused for them, and windows beside it take turns, ' +
    'three of each; each is compared with those before and after it, since a shared machine is faster at times, and all of ' +
    'them together, since one pause of the machine decides the p99 of a single window. At the end the rest is replayed. ' +
    'Postgres has a used write-ahead log, as after a day.',
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
      const seconds = Math.min(extent.seconds, mostWindowSeconds)
      const load = { audience: live, deliveriesPerSecond: livePerSecond, ...extent, seconds }
      const measure = async (label: string): Promise<Turn> => {
        await readModelsCaughtUp(stack.managementUrl, stack.signal)
        const window = await measureLoad(stack, receiver, { ...load, onSample: progress.sample(label) })
        return { row: loadRow(label, window), latenciesMs: latencyValues(window) }
      }
      const alone = async (): Promise<Turn> => {
        const turn = await measure('alone')
        progress.done(turn.row)
        return turn
      }

      const first = await alone()
      await stack.subscribe(past, () => origin)
      receiver.note(history)
      const running = await startReplay(stack, historian!.key, since)
      await running.pause()
      const beside = async (): Promise<Turn> => {
        await running.resume()
        const from = { delivered: history.delivered, at: performance.now() }
        const turn = await measure('beside the replay')
        const replayed = history.delivered - from.delivered
        turn.row.values.replayedPerSecond = (replayed / (performance.now() - from.at)) * 1000
        await running.pause()
        progress.done(turn.row, `${replayed} replayed`)
        return turn
      }
      const compared = await inTurns(extent.quick ? turns.quick : turns.full, first, alone, beside)
      const last = compared.changed.at(-1)!.row
      if (history.delivered === history.events) last.notes.push('the replay ended within a window')

      progress.now('replaying the rest')
      await running.resume()
      await settle(history, () => history.events, mostSettleSeconds, stack.signal)
      receiver.forget(history)
      last.values.replayed = history.delivered
      if (history.delivered < history.events) last.notes.push(`${history.events - history.delivered} were not replayed`)
      if (history.repeats > 0) last.notes.push(`${history.repeats} replayed deliveries came again`)
      progress.done({ label: 'all of the replay', values: {}, notes: last.notes }, `${history.delivered} replayed`)
      return [first, ...compared.plain, ...compared.changed].map(({ row }) => row)
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

interface RunningReplay {
  pause(): Promise<void>
  resume(): Promise<void>
}

async function startReplay(stack: BenchStack, key: string, since: string): Promise<RunningReplay> {
  const api = new ApiClient(stack.apiUrl)
  const { data } = (await api.expect('GET', '/v1/webhooks', key)) as unknown as { data: { id: string }[] }
  const body = { since, only: 'missed', rate_per_second: replayPerSecond }
  const { id } = await api.expect('POST', `/v1/webhooks/${data[0]!.id}/replays`, key, body)
  const ask = (what: 'pause' | 'resume') => async (): Promise<void> => {
    await api.expect('POST', `/v1/replays/${String(id)}/${what}`, key)
  }
  return { pause: ask('pause'), resume: ask('resume') }
}
