import { expect, test } from 'vitest'
import { DEFAULT_RETRY_SCHEDULE, RetrySchedule } from '#domain'
import { TopicMap, type TopicMapOptions } from './topic-map.js'

const DAY_MS = 86_400_000

function aTopicMap(overrides: Partial<Omit<TopicMapOptions, 'schedule'>> & { schedule?: string } = {}): TopicMap {
  const { schedule = DEFAULT_RETRY_SCHEDULE, ...rest } = overrides
  return new TopicMap({
    prefix: '',
    schedule: RetrySchedule.parse(schedule),
    eventRetentionMs: 30 * DAY_MS,
    deliveryRetentionMs: 20 * DAY_MS,
    deliveryMaxAgeMs: DAY_MS,
    ...rest,
  })
}

const names = (topics: TopicMap) => topics.specs.map(({ name }) => name)
const configOf = (topics: TopicMap, name: string) => topics.specs.find((spec) => spec.name === name)!.config

test('names every topic of the pipeline', () => {
  expect(names(aTopicMap())).toEqual([
    'context-events',
    'webhook-changes',
    'deliveries',
    'deliveries.retry-10s',
    'deliveries.retry-1m',
    'deliveries.retry-6m',
    'deliveries.retry-36m',
    'deliveries.retry-3h36m',
    'deliveries.replay',
    'deliveries.dead-letter',
    'delivery-log',
    'webhook-commands',
  ])
})

test('puts the prefix before each name, tiers included', () => {
  const topics = aTopicMap({ prefix: 'staging.' })
  expect(names(topics)).toEqual(names(aTopicMap()).map((name) => `staging.${name}`))
  expect(topics.tier({ name: '1m', delayMs: 60_000 })).toBe('staging.deliveries.retry-1m')
})

test('equal durations of the schedule share a topic', () => {
  const topics = aTopicMap({ schedule: '1s,1s,1s,2s,2s' })
  expect(topics.tiers).toEqual(['deliveries.retry-1s', 'deliveries.retry-2s'])
  expect(new Set(names(topics)).size).toBe(names(topics).length)
})

test('what must have the same partitions is first attempts, every tier and the replay lane', () => {
  const topics = aTopicMap()
  expect(topics.coPartitioned).toEqual(['deliveries', ...topics.tiers, 'deliveries.replay'])
  const partitions = topics.specs.map(({ name, partitions }) => [name, partitions] as const)
  // Only the changes have a count of their own: one partition, so that there is one order.
  expect(partitions.filter(([, count]) => count !== undefined)).toEqual([['webhook-changes', 1]])
})

test('finds the tiers that a changed schedule left behind, and nothing of another environment', () => {
  const topics = aTopicMap({ schedule: '10s,1m,5m,30m,2h' })
  expect(topics.leftBehindTiers([...names(aTopicMap()), 'staging.deliveries.retry-6m', 'unrelated'])).toEqual([
    'deliveries.retry-6m',
    'deliveries.retry-36m',
    'deliveries.retry-3h36m',
  ])
})

test('tells tiers from the other topics', () => {
  const topics = aTopicMap()
  expect(names(topics).filter((name) => topics.isTier(name))).toEqual(topics.tiers)
  expect(topics.isTier('deliveries.retry-99d')).toBe(true)
  expect(topics.isTier('staging.deliveries.retry-10s')).toBe(false)
})

test('keeps events, the log and commands as long as each is needed', () => {
  const topics = aTopicMap()
  const kept = (name: string) => Number(configOf(topics, name)['retention.ms']) / DAY_MS
  expect(kept('context-events')).toBe(30)
  expect(kept('deliveries.dead-letter')).toBe(30)
  expect(kept('delivery-log')).toBe(30)
  expect(kept('webhook-commands')).toBe(7)

  const longer = aTopicMap({ deliveryRetentionMs: 40 * DAY_MS })
  expect(configOf(longer, 'delivery-log')['retention.ms']).toBe(String(40 * DAY_MS))
})

test.each([
  ['10s,1m,6m,36m,3h36m', 1, 7],
  ['10s,1m,6m,36m,5d', 1, 13],
  ['10s,1m,6m,36m,3h36m', 10, 23],
])('with %s and deferral up to %d d, work is kept %d d: it must outlast its wait', (schedule, maxAgeDays, days) => {
  const topics = aTopicMap({ schedule, deliveryMaxAgeMs: maxAgeDays * DAY_MS })
  for (const name of topics.coPartitioned) {
    expect(configOf(topics, name)).toMatchObject({
      'cleanup.policy': 'delete',
      'retention.ms': String(days * DAY_MS),
    })
  }
})

test('changes are compacted, so that the newest state of every webhook stays', () => {
  expect(configOf(aTopicMap(), 'webhook-changes')).toMatchObject({ 'cleanup.policy': 'compact' })
  expect(configOf(aTopicMap(), 'webhook-changes')).not.toHaveProperty('retention.ms')
})

test("all topics use the broker's clock", () => {
  for (const { config } of aTopicMap().specs) expect(config['message.timestamp.type']).toBe('LogAppendTime')
})
