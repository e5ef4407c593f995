import { describe, expect, it } from 'vitest'
import { RetrySchedule } from '#domain'
import { KAFKA_USERS, type KafkaOperation, type KafkaUser, permissionsOf } from './topic-access.js'
import { TopicMap } from './topic-map.js'

const DAY_MS = 86_400_000
const topics = new TopicMap({
  prefix: 'staging.',
  schedule: RetrySchedule.parse('10s,1m,6m,36m,3h36m'),
  eventRetentionMs: 30 * DAY_MS,
  deliveryRetentionMs: 30 * DAY_MS,
  deliveryMaxAgeMs: DAY_MS,
})
const SERVICES = ['api', 'fanout', 'dispatcher'] as const

function may(user: KafkaUser, operation: KafkaOperation, topic: string): boolean {
  return permissionsOf(user, topics).some(
    ({ resource, name, isPrefix, operations }) =>
      resource === 'topic' && operations.includes(operation) && (isPrefix ? topic.startsWith(name) : topic === name),
  )
}

const whoMay = (operation: KafkaOperation, topic: string) => SERVICES.filter((user) => may(user, operation, topic))

describe('what the services may do in Kafka', () => {
  it('is what the picture of the pipeline shows', () => {
    const table = topics.specs.map(({ name }) => [name, whoMay('write', name), whoMay('read', name)])
    const tier = (name: string) => [`staging.deliveries.retry-${name}`, ['dispatcher'], ['dispatcher']]
    expect(table).toEqual([
      ['staging.context-events', ['api'], ['api', 'fanout']],
      ['staging.webhook-changes', ['api'], ['fanout', 'dispatcher']],
      ['staging.deliveries', ['api', 'fanout'], ['dispatcher']],
      ...['10s', '1m', '6m', '36m', '3h36m'].map(tier),
      ['staging.deliveries.replay', ['api'], ['dispatcher']],
      ['staging.deliveries.dead-letter', ['api', 'fanout', 'dispatcher'], ['api']],
      ['staging.delivery-log', ['api', 'fanout', 'dispatcher'], ['api']],
      ['staging.webhook-commands', ['dispatcher'], ['api']],
    ])
  })

  it('lets only the setup job create topics, and lets it neither read nor write', () => {
    for (const { name } of topics.specs) {
      expect(KAFKA_USERS.filter((user) => may(user, 'create', name))).toEqual(['setup'])
      expect(may('setup', 'read', name) || may('setup', 'write', name)).toBe(false)
    }
  })

  it('keeps to one environment, and no group is shared', () => {
    const groups = KAFKA_USERS.flatMap((user) => permissionsOf(user, topics)).filter(
      (each) => each.resource === 'group',
    )
    expect(new Set(groups.map(({ name }) => name)).size).toBe(groups.length)
    for (const user of KAFKA_USERS) {
      for (const { name } of permissionsOf(user, topics)) expect(name).toMatch(/^staging\../)
    }
  })

  it('covers the tiers of every retry schedule', () => {
    expect(whoMay('read', 'staging.deliveries.retry-5m')).toEqual(['dispatcher'])
    expect(may('setup', 'create', 'staging.deliveries.retry-5m')).toBe(true)
  })
})
