import { describe, expect, it } from 'vitest'
import { DEFAULT_RETRY_SCHEDULE, RetrySchedule } from '#domain'
import { TopicMap } from '#topics'
import { differentSettings, plannedTopics } from './planned-topics.js'

const DAY_MS = 86_400_000
const topics = new TopicMap({
  prefix: '',
  schedule: RetrySchedule.parse(DEFAULT_RETRY_SCHEDULE),
  eventRetentionMs: 30 * DAY_MS,
  deliveryRetentionMs: 30 * DAY_MS,
  deliveryMaxAgeMs: DAY_MS,
})
const config = { partitions: 12, replicationFactor: 3, brokers: ['10.0.0.1:9092', '10.0.0.2:9092'] }

function partitions(existing: [string, number][]): Record<string, number> {
  const { specs } = plannedTopics(topics, new Map(existing), config)
  return Object.fromEntries(specs.map((spec) => [spec.name, spec.partitions]))
}

describe('the topics to create', () => {
  it('have as many partitions as configured, but for the one that must keep its order', () => {
    const { 'webhook-changes': changes, ...others } = partitions([])

    expect(changes).toBe(1)
    expect(new Set(Object.values(others))).toEqual(new Set([12]))
  })

  it('keep what one broker alone has acknowledged from counting as written, where there are three', () => {
    const insync = (replicationFactor: number) => {
      const { specs } = plannedTopics(topics, new Map(), { ...config, replicationFactor })
      return new Set(specs.map((spec) => spec.config['min.insync.replicas']))
    }
    expect(insync(3)).toEqual(new Set(['2']))
    expect(insync(1)).toEqual(new Set([undefined]))
  })

  it('share the number of partitions that the delivery topics have already', () => {
    const counts = partitions([['deliveries', 4]])

    expect(topics.coPartitioned.map((name) => counts[name])).toEqual(topics.coPartitioned.map(() => 4))
    expect(counts['context-events']).toBe(12)
  })

  it('come with a warning where existing topics win, and where they are unequal with the command that mends it', () => {
    const existing = new Map([
      ['deliveries', 24],
      ['deliveries.retry-1m', 12],
    ])

    const { warnings } = plannedTopics(topics, existing, config)

    expect(warnings).toEqual([
      'The delivery topics have 24 partitions, which wins over KAFKA_PARTITIONS=12.',
      [
        'the delivery topics must have the same number of partitions, but have: ' +
          'deliveries 24, deliveries.retry-1m 12. Mend it with:',
        // The dispatcher that refuses to start prints the same.
        '  kafka-topics.sh --bootstrap-server 10.0.0.1:9092,10.0.0.2:9092 --alter --topic deliveries.retry-1m --partitions 24',
      ].join('\n'),
    ])
    expect(plannedTopics(topics, new Map([['deliveries', 12]]), config).warnings).toEqual([])
  })

  it('are equal with the tiers of an earlier schedule as well, which the dispatcher drains', () => {
    const existing = new Map([
      ['deliveries', 4],
      ['deliveries.retry-10s', 8],
      ['deliveries.retry-7s', 4],
      ['deliveries.retry-9s', 4],
      ['unrelated', 1],
    ])

    const [, warning] = plannedTopics(topics, existing, config).warnings

    const named = warning!.match(/--topic \S+ --partitions \d+/g)
    expect(named).toEqual(
      ['deliveries', 'deliveries.retry-7s', 'deliveries.retry-9s'].map((name) => `--topic ${name} --partitions 8`),
    )
    expect(partitions([['deliveries.retry-7s', 4]])['deliveries.replay']).toBe(4)
  })
})

describe('topics that exist', () => {
  const { brokers } = config
  const [events, changes] = ['context-events', 'webhook-changes'].map((name) =>
    plannedTopics(topics, new Map(), config).specs.find((spec) => spec.name === name)!,
  )
  const alter = 'kafka-configs.sh --bootstrap-server 10.0.0.1:9092,10.0.0.2:9092 --alter --entity-type topics'

  it('are not spoken of while they are kept as planned, nor when they are missing', () => {
    const asPlanned = [events!, changes!].map((spec) => [spec.name, { replicas: 3, config: spec.config }] as const)
    expect(differentSettings([events!, changes!], new Map(asPlanned), brokers)).toEqual([])
    expect(differentSettings([events!, changes!], new Map(), brokers)).toEqual([])
  })

  it('that are kept otherwise come with a warning each, and the command that changes it', () => {
    const existing = new Map([
      ['context-events', { replicas: 3, config: { ...events!.config, 'retention.ms': String(7 * DAY_MS) } }],
      [
        'webhook-changes',
        { replicas: 3, config: { ...changes!.config, 'cleanup.policy': 'delete', 'min.insync.replicas': '1' } },
      ],
    ])

    expect(differentSettings([events!, changes!], existing, brokers)).toEqual([
      [
        'context-events exists with retention.ms=604800000, and the configuration asks for 2592000000. Change it with:',
        `  ${alter} --entity-name context-events --add-config retention.ms=2592000000`,
      ].join('\n'),
      [
        'webhook-changes exists with cleanup.policy=delete, and the configuration asks for compact. Change it with:',
        `  ${alter} --entity-name webhook-changes --add-config cleanup.policy=compact`,
      ].join('\n'),
      [
        'webhook-changes exists with min.insync.replicas=1, and the configuration asks for 2. Change it with:',
        `  ${alter} --entity-name webhook-changes --add-config min.insync.replicas=2`,
      ].join('\n'),
    ])
  })

  it('are not told to want more replicas in sync than there are: nothing could be written', () => {
    const alone = { ...events!.config, 'min.insync.replicas': '1' }
    const existing = new Map([['context-events', { replicas: 1, config: alone }]])

    expect(differentSettings([events!], existing, brokers)).toEqual([
      'context-events has 1 of 3 replicas. Add the others with kafka-reassign-partitions.sh, then run this again.',
    ])
  })
})
