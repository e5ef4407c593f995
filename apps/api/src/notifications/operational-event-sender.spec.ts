import { describe, expect, it } from 'vitest'
import { RetrySchedule } from '#domain'
import type { BatchingProducer } from '#kafka'
import type { Notification, OperationalEventStore } from '#postgres'
import { Registry } from '#telemetry'
import { type Message, TopicMap } from '#topics'
import { NotificationMetrics } from './notification-metrics.js'
import { OperationalEventSender } from './operational-event-sender.js'

const silent = { info() {}, warn() {}, error() {} }
const topics = new TopicMap({
  prefix: '',
  schedule: RetrySchedule.parse('1s,1s,1s,1s,1s'),
  eventRetentionMs: 1,
  deliveryRetentionMs: 1,
  deliveryMaxAgeMs: 1,
})

const aNotification = (id: string): Notification => ({
  id,
  kind: 'disabled',
  accountId: 'acc_1',
  webhookId: `whk_${id}`,
  evidence: { webhook: { name: 'A', url: 'https://example.com/' }, reason: 'gone', streak: null },
  createdAt: new Date(0),
})

/** A sender with an outbox in memory, over a log that is away where `isAway` says so. */
function aSender(waiting: Notification[], isAway: () => boolean = () => false) {
  const settled: string[] = []
  const messages: Message[] = []
  const store: Pick<OperationalEventStore, 'claim' | 'settle' | 'pending'> = {
    claim: async (_, most) => waiting.splice(0, most),
    settle: async (ids) => void settled.push(...ids),
    pending: async () => waiting.length,
  }
  const send = async (sent: Message[]) => {
    if (isAway()) throw new Error('away')
    messages.push(...sent)
  }
  const registry = new Registry()
  const metrics = new NotificationMetrics(registry)
  const producer = { send } as unknown as BatchingProducer
  const sender = new OperationalEventSender(store as OperationalEventStore, producer, topics, metrics, silent)
  return { sender, settled, messages, metrics: () => registry.metrics() }
}

describe('the sender of operational events', () => {
  it('puts all that waits among the events and calls it sent only then', async () => {
    const ids = Array.from({ length: 250 }, (_, i) => String(i))
    const { sender, settled, messages, metrics } = aSender(ids.map(aNotification))
    sender.onApplicationBootstrap()
    await expect.poll(() => settled).toEqual(ids)
    await sender.onApplicationShutdown()
    expect(messages).toHaveLength(250)
    expect(messages[7]).toMatchObject({
      topic: 'context-events',
      key: 'acc_1',
      headers: { 'event-type': 'webhook.disabled', 'about-webhook': 'whk_7' },
    })
    expect(await metrics()).toContain('webhooks_operational_events_sent_total{type="webhook.disabled"} 250')
  })

  it('leaves what the log did not take to be claimed again, and shows it', async () => {
    const { sender, settled, metrics } = aSender([aNotification('1')], () => true)
    sender.onApplicationBootstrap()
    await expect.poll(metrics).toContain('webhooks_operational_events_failed_total 1')
    await sender.onApplicationShutdown()
    expect(settled).toEqual([])
  })
})
