import { afterEach, beforeEach, vi } from 'vitest'
import { type AttemptOutcome, type DeliverableWebhook, RetrySchedule, type Streak } from '#domain'
import { Registry, Tracing } from '#telemetry'
import type { AttemptDelivery, AttemptReport } from '../attempts/attempt-delivery.js'
import { AttemptedKeys } from '../past/attempted-keys.js'
import { Consequences } from '../settlement/consequences.js'
import { Dispatch } from './dispatch.js'
import { Lanes } from './lanes.js'
import { DispatchMetrics } from '../dispatch-metrics.js'
import type { KnownStreaks } from '../past/known-streaks.js'
import { MemoryBounds } from '../memory-bounds.js'
import { NewestChains } from '../past/newest-chains.js'
import type { Settlement } from '../settlement/settlement.js'
import type { WebhooksToCall } from '../webhooks/webhooks-to-call.js'
import { WorksInHand } from '../works-in-hand.js'
import { type WorkStandIn, someWork } from '../work.testing.js'

export const OK: AttemptOutcome = { kind: 'succeeded', status: 200 }
export const BROKEN: AttemptOutcome = { kind: 'failed', reason: 'http_status', status: 500 }
export const HUNG: AttemptOutcome = { kind: 'failed', reason: 'timeout' }
export const GONE: AttemptOutcome = { kind: 'refused', reason: 'gone', status: 410 }

export const aWebhook = (id: string, changes: Partial<DeliverableWebhook> = {}): DeliverableWebhook => ({
  id,
  accountId: 'acc_1',
  version: 1,
  events: ['context.updated'],
  isActive: true,
  createdAt: 0,
  url: `https://example.com/${id}`,
  secrets: [],
  ...changes,
})

/** A dispatch whose requests are answered by hand, and whose writes are acknowledged at once and recorded. */
export function aDispatch(webhooks: DeliverableWebhook[] = [aWebhook('whk_1')], known: Record<string, Streak> = {}) {
  const view = new Map(webhooks.map((webhook) => [webhook.id, webhook]))
  const underWay: {
    webhookId: string
    deliveryId: string
    onNewConnection: boolean
    answer(outcome: AttemptOutcome | null): void
  }[] = []
  const written: {
    kind: string
    deliveryId?: string
    end?: string
    until?: number
    by?: string
    outcome?: string
    command?: unknown
  }[] = []
  let catchUp: () => Promise<void> = () => Promise.resolve()
  let acknowledged = Promise.resolve()
  let onDelete: (webhookId: string) => void = () => {}
  let onChange: (before: DeliverableWebhook | undefined, after: DeliverableWebhook) => void = () => {}
  const memory = new MemoryBounds()
  const attempted = new AttemptedKeys()
  const chains = new NewestChains({} as never, {} as never)
  const attemptDelivery = {
    run: (delivery: { id: string; webhookId: string }, _: unknown, __: unknown, onNewConnection: boolean) =>
      new Promise<AttemptReport>((resolve) => {
        const startedAt = Date.now()
        underWay.push({
          webhookId: delivery.webhookId,
          deliveryId: delivery.id,
          onNewConnection,
          answer: (result) =>
            resolve({
              attemptId: 'atm_1',
              startedAt,
              durationMs: 1,
              request: { url: '', headers: {} },
              response: null,
              result,
              ...(result === null && { ourFault: 'file_descriptors' as const }),
            }),
        })
      }),
  }
  const settlement = {
    afterAttempt: async (work: WorkStandIn, { result }: AttemptReport, command: unknown) => {
      await acknowledged
      written.push({ kind: 'attempted', deliveryId: work.delivery.id, outcome: result!.kind, command })
      work.batch.complete(work.record)
      return { kind: 'end', end: 'delivered' }
    },
    defer: async (work: WorkStandIn, until: number, by: string) => {
      written.push({ kind: 'deferred', deliveryId: work.delivery.id, until, by })
      await acknowledged
      work.batch.complete(work.record)
      return until
    },
    end: (work: WorkStandIn, end: string) => {
      written.push({ kind: 'ended', deliveryId: work.delivery.id, end })
      work.batch.complete(work.record)
      return Promise.resolve()
    },
    repeatCommand: (command: unknown) => {
      written.push({ kind: 'command', command })
      return Promise.resolve()
    },
  }
  const registry = new Registry()
  const metrics = new DispatchMetrics(registry)
  const inHand = new WorksInHand(attempted, memory, metrics)
  const logged: string[] = []
  const tell = (_: unknown, message: string) => void logged.push(message)
  const logger = { info: tell, warn: tell, error: tell, debug() {} } as never
  const webhooksToCall = {
    get: (id: string) => view.get(id),
    caughtUp: () => catchUp(),
    onChange: (listener: typeof onChange) => (onChange = listener),
    onDelete: (listener: typeof onDelete) => (onDelete = listener),
  } as unknown as WebhooksToCall
  const schedule = RetrySchedule.parse('10s,1m,6m,36m,3h36m')
  const streaks = {
    take: (id: string) => known[id] ?? null,
    forget: (id: string) => delete known[id],
  } as unknown as KnownStreaks
  const lanes = new Lanes(inHand, webhooksToCall, streaks, schedule)
  const dispatch = new Dispatch(
    attemptDelivery as unknown as AttemptDelivery,
    lanes,
    streaks,
    new Consequences(settlement as unknown as Settlement, inHand, chains, metrics, Tracing.off, 86_400_000, logger),
    inHand,
    webhooksToCall,
    memory,
    metrics,
    schedule,
    chains,
    { afterAttempts: 10, afterMs: 6 * 3_600_000 },
    logger,
  )
  return {
    dispatch,
    lanes,
    underWay,
    written,
    logged,
    memory,
    attempted,
    chains,
    offer: (delivery: Parameters<typeof someWork>[0] = {}, partition?: Parameters<typeof someWork>[1]) => {
      const work = someWork({ webhookId: 'whk_1', webhookVersion: 1, ...delivery }, partition)
      chains.saw(work.delivery)
      dispatch.offer(work)
      return work
    },
    acknowledgeAfter: (promise: Promise<void>): void => {
      acknowledged = promise
    },
    /** Slots of the process that are in use. */
    slotsTaken: async () => (await registry.getSingleMetric('webhooks_attempts_in_flight')!.get()).values[0]!.value,
    whenCaughtUp: (action: () => Promise<void>) => (catchUp = action),
    change: (after: DeliverableWebhook) => {
      const before = view.get(after.id)
      view.set(after.id, after)
      onChange(before, after)
    },
    know: (webhook: DeliverableWebhook) => view.set(webhook.id, webhook),
    forget: (webhookId: string) => view.delete(webhookId),
    remove: (webhookId: string) => {
      view.delete(webhookId)
      onDelete(webhookId)
    },
  }
}

/** Turns of the event loop stay real. */
export function useFakeClock(): void {
  beforeEach(() => {
    vi.useFakeTimers({
      now: 1_000_000,
      toFake: ['Date', 'setTimeout', 'clearTimeout', 'setInterval', 'clearInterval', 'performance'],
    })
  })
  afterEach(() => {
    vi.useRealTimers()
  })
}

export const aTurn = () => new Promise((resolve) => setImmediate(resolve))
/** What one turn of the event loop begins is bounded: after as many turns as the most that may be under way take. */
export const settled = async () => {
  await vi.advanceTimersByTimeAsync(0)
  for (let turn = 0; turn <= 1_024 / 16; turn++) await aTurn()
}
