import { afterAll, describe, expect, inject, it } from 'vitest'
import { TestKafka } from '../testing/test-kafka.testing.js'

const kafka = new TestKafka(inject('kafkaBrokers'))

afterAll(() => kafka.close())

describe('TopicAdmin', () => {
  it('creates what is missing and leaves what exists as it is', async () => {
    const existing = await kafka.topic(2)
    const spec = { partitions: 5, replicationFactor: 1, config: { 'retention.ms': '3600000' } }
    const specs = [existing, `${existing}-new`].map((name) => ({ name, ...spec }))
    expect(await kafka.admin.ensureTopics(specs)).toEqual([`${existing}-new`])
    expect(await kafka.admin.ensureTopics(specs)).toEqual([])
    expect(await kafka.admin.partitionCounts([existing, `${existing}-new`, 'missing'])).toEqual(
      new Map([
        [existing, 2],
        [`${existing}-new`, 5],
      ]),
    )
  })

  it('tells how existing topics are kept, by what was set or by default, and of how many replicas', async () => {
    const names = [await kafka.topic(2, { 'retention.ms': '3600000' }), await kafka.topic()]
    const entries = ['retention.ms', 'cleanup.policy', 'min.insync.replicas']
    const defaults = { 'cleanup.policy': 'delete', 'min.insync.replicas': '1' }
    expect(await kafka.admin.topicSettings([...names, 'missing'], entries)).toEqual(
      new Map([
        [names[0], { replicas: 1, config: { ...defaults, 'retention.ms': '3600000' } }],
        [names[1], { replicas: 1, config: { ...defaults, 'retention.ms': '604800000' } }],
      ]),
    )
    expect(await kafka.admin.topicSettings(['missing'], entries)).toEqual(new Map())
  })

  it('tells bounds and committed offsets by partition', async () => {
    const topic = await kafka.topic(2)
    await kafka.producer().send([1, 2, 3].map((value) => ({ topic, partition: 1, key: 'k', value: String(value) })))
    await kafka.deleteRecordsBefore(topic, 1, 1)
    expect(await kafka.admin.endOffsets(topic)).toEqual([
      { partition: 0, first: 0, end: 0 },
      { partition: 1, first: 1, end: 3 },
    ])
    await kafka.commitAs(`group-${topic}`, topic, 0)
    expect(await kafka.admin.committed(`group-${topic}`, [topic])).toEqual(
      expect.arrayContaining([
        { topic, partition: 0, offset: 0 },
        { topic, partition: 1, offset: undefined },
      ]),
    )
  })
})
