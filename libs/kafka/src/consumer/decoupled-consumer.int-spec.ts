import { afterAll, describe, expect, inject, it } from 'vitest'
import { eventually } from '../testing/eventually.testing.js'
import { TestKafka } from '../testing/test-kafka.testing.js'
import type { ConsumedRecord } from './consumed-record.js'
import type { TopicPartition } from '../topic-partition.js'
import type { RecordBatch } from './record-batch.js'

const kafka = new TestKafka(inject('kafkaBrokers'))
const producer = kafka.producer()

afterAll(() => kafka.close())

async function fill(topic: string, count: number, partition = 0, from = 0): Promise<void> {
  const records = Array.from({ length: count }, (_, i) => ({ topic, partition, key: 'k', value: String(from + i) }))
  await producer.send(records)
}

function numbers(records: readonly ConsumedRecord[]): number[] {
  return records.map(({ value }) => Number(value))
}

function range(from: number, to: number): number[] {
  return Array.from({ length: to - from }, (_, i) => from + i)
}

describe('DecoupledConsumer', () => {
  it('does not let a stalled partition delay another', async () => {
    const topic = await kafka.topic(2)
    const stalled: RecordBatch[] = []
    const arrived: number[] = []
    const consumer = kafka.consumer({ topics: [topic] }, (batch) => {
      if (batch.partition === 0) stalled.push(batch)
      else {
        for (const { value } of batch.records) arrived.push(Date.now() - Number(value))
        batch.completeAll()
      }
    })
    await consumer.start()
    await fill(topic, 100, 0)
    await eventually('the stalled partition is stalled', () => stalled.length > 0)
    for (let i = 0; i < 20; i++) await producer.send([{ topic, partition: 1, key: null, value: String(Date.now()) }])
    await eventually('all of the other arrive', () => arrived.length === 20)
    expect(Math.max(...arrived)).toBeLessThan(3_000)
    expect(consumer.lag()).toContainEqual({ topic, partition: 0, lag: 100 })
  })

  it('brings together what comes between two fetches', async () => {
    const topic = await kafka.topic()
    const startedAt = performance.now()
    const arrivals: number[] = []
    const arrived: number[] = []
    const consumer = kafka.consumer({ topics: [topic], settings: { fetchEveryMs: 300 } }, (batch) => {
      arrivals.push(performance.now())
      arrived.push(...numbers(batch.records))
      batch.completeAll()
    })
    await consumer.start()
    for (let i = 0; i < 60; i++) await fill(topic, 1, 0, i)
    await eventually('all arrive', () => arrived.length === 60)
    expect(arrived).toEqual(range(0, 60))
    expect(arrivals.length).toBeLessThanOrEqual((arrivals.at(-1)! - startedAt) / 300 + 1)
  })

  it('asks for patient topics 20 times a second only, while another is busy', async () => {
    const busy = await kafka.topic()
    const patient = await kafka.topic()
    const arrivals: number[] = []
    const arrived: number[] = []
    const consumer = kafka.consumer({ topics: [busy, patient], patientTopics: [patient] }, (batch) => {
      batch.completeAll()
      if (batch.topic !== patient) return
      arrivals.push(performance.now())
      arrived.push(...numbers(batch.records))
    })
    await consumer.start()
    const startedAt = performance.now()
    const send = (value: number) =>
      producer.send([busy, patient].map((topic) => ({ topic, partition: 0, key: null, value: String(value) })))
    for (let i = 0; i < 200; i++) await send(i)
    await eventually('all arrive', () => arrived.length === 200)
    expect(arrived).toEqual(range(0, 200))
    // The first ones may come before anything is busy.
    expect(arrivals.length).toBeLessThanOrEqual((arrivals.at(-1)! - startedAt) / 50 + 3)
  })

  it('commits only up to the first incomplete record, and does not repeat what is complete beyond it', async () => {
    const topic = await kafka.topic()
    const groupId = `group-${topic}`
    await fill(topic, 100)
    const first = kafka.consumer({ topics: [topic], groupId }, (batch) => {
      for (const record of batch.records) if (![10, 50].includes(record.offset)) batch.complete(record)
    })
    await first.start()
    await eventually('ten are committed', async () => (await kafka.committed(groupId, topic)) === 10)
    await first.close()

    const again: number[] = []
    const second = kafka.consumer({ topics: [topic], groupId }, (batch) => {
      again.push(...numbers(batch.records))
      batch.completeAll()
    })
    await second.start()
    await eventually('all are committed', async () => (await kafka.committed(groupId, topic)) === 100)
    expect(again).toEqual([10, 50])
  })

  it('repeats everything beyond the mark where metadata is switched off', async () => {
    const topic = await kafka.topic()
    const groupId = `group-${topic}`
    await fill(topic, 20)
    const options = { topics: [topic], groupId, trackBeyondMark: false }
    const first = kafka.consumer(options, (batch) => {
      for (const record of batch.records) if (record.offset !== 10) batch.complete(record)
    })
    await first.start()
    await eventually('ten are committed', async () => (await kafka.committed(groupId, topic)) === 10)
    await first.close()
    const again: number[] = []
    const second = kafka.consumer(options, (batch) => void again.push(...numbers(batch.records)))
    await second.start()
    await eventually('the rest comes again', () => again.length === 10)
    expect(again).toEqual(range(10, 20))
  })

  it('commits a beginning for every partition, and tells which have a past that nobody knows until it is done', async () => {
    const topic = await kafka.topic(2)
    const groupId = `group-${topic}`
    await fill(topic, 3, 1)
    const told: TopicPartition[][] = []
    const onAssigned = (_: TopicPartition[], __: number, unknown: TopicPartition[]) => void told.push(unknown)
    const first = kafka.consumer({ topics: [topic], groupId }, () => undefined, { onAssigned })
    await first.start()
    await eventually('both have an offset', async () => {
      return (await kafka.committed(groupId, topic, 0)) === 0 && (await kafka.committed(groupId, topic, 1)) === 0
    })
    await first.close()
    await fill(topic, 3, 0)
    const second = kafka.consumer({ topics: [topic], groupId }, (batch) => batch.completeAll(), { onAssigned })
    await second.start()
    await eventually('all is done', async () => {
      return (await kafka.committed(groupId, topic, 0)) === 3 && (await kafka.committed(groupId, topic, 1)) === 3
    })
    await second.close()
    await fill(topic, 3, 1)
    const third = kafka.consumer({ topics: [topic], groupId }, () => undefined, { onAssigned })
    await third.start()
    await eventually('the third was assigned', () => told.length === 3)
    expect(told).toEqual([[{ topic, partition: 1 }], [{ topic, partition: 1 }], []])
  })

  it('hands out nothing of a partition before onAssigned has settled', async () => {
    const topic = await kafka.topic()
    await fill(topic, 5)
    const order: string[] = []
    let release: () => void = () => undefined
    const consumer = kafka.consumer({ topics: [topic] }, () => void order.push('batch'), {
      onAssigned: async () => {
        order.push('assigned')
        await new Promise<void>((resolve) => (release = resolve))
        order.push('settled')
      },
    })
    await consumer.start()
    await eventually('it is assigned', () => order.length > 0)
    // Longer than a fetch: the records are here and wait.
    await eventually('fetches have gone round', () => consumer.heartbeatAgeMs() > 600 || consumer.fetchAgeMs() > 300)
    expect(order).toEqual(['assigned'])
    release()
    await eventually('the batch comes', () => order.includes('batch'))
    expect(order).toEqual(['assigned', 'settled', 'batch'])
  })

  it('hands out nothing while any reason to pause stands, and the others go on', async () => {
    const topic = await kafka.topic(2)
    const seen: ConsumedRecord[] = []
    const consumer = kafka.consumer({ topics: [topic] }, (batch) => {
      seen.push(...batch.records)
      batch.completeAll()
    })
    const of = (partition: number) => seen.filter((record) => record.partition === partition).length
    await consumer.start()
    consumer.pause(topic, 0, 'memory')
    consumer.pause(topic, 0, 'not due')
    await fill(topic, 10, 0)
    await fill(topic, 10, 1)
    await eventually('the other partition goes on', () => of(1) === 10)
    consumer.resume(topic, 0, 'memory')
    await fill(topic, 10, 1)
    await eventually('the other partition goes on again', () => of(1) === 20)
    expect(of(0)).toBe(0)
    consumer.resume(topic, 0, 'not due')
    await eventually('the paused one comes', () => of(0) === 10)
  })

  it('gives records back: they come again after the resume, and what was completed does not', async () => {
    const topic = await kafka.topic()
    const groupId = `group-${topic}`
    await fill(topic, 10)
    const batches: number[][] = []
    const consumer = kafka.consumer({ topics: [topic], groupId }, (batch) => {
      batches.push(numbers(batch.records))
      for (const record of batch.records)
        if (batches.length > 1 || [0, 1, 5].includes(record.offset)) batch.complete(record)
    })
    await consumer.start()
    await eventually('the first batch comes', () => batches.flat().length === 10)
    consumer.pause(topic, 0, 'not due')
    consumer.rewind(topic, 0, 4)
    await fill(topic, 2, 0, 10)
    consumer.resume(topic, 0, 'not due')
    await eventually('they come again', () => batches.flat().includes(11))
    expect(batches.slice(1).flat()).toEqual([4, 6, 7, 8, 9, 10, 11])
    expect(consumer.lag()).toEqual([{ topic, partition: 0, lag: 10 }])
  })

  it('passes a poison record on as it is, and moves on when the handler completes it', async () => {
    const topic = await kafka.topic()
    const groupId = `group-${topic}`
    await producer.send([
      { topic, key: 'k', value: null },
      { topic, key: null, value: Buffer.from([0xff, 0xfe, 0x00]), headers: { '': '' } },
      { topic, key: 'k', value: 'good' },
    ])
    const seen: ConsumedRecord[] = []
    const consumer = kafka.consumer({ topics: [topic], groupId }, (batch) => {
      seen.push(...batch.records)
      batch.completeAll()
    })
    await consumer.start()
    await eventually('all are committed', async () => (await kafka.committed(groupId, topic)) === 3)
    expect(seen).toMatchObject([
      { value: null },
      { key: null, value: Buffer.from([0xff, 0xfe, 0x00]), headers: { '': '' } },
      { value: Buffer.from('good') },
    ])
  })

  it.each([
    ['throws a TypeError', () => (undefined as unknown as { gone: () => void }).gone()],
    ['rejects', () => Promise.reject(new Error('the database is away'))],
  ])('calls a handler that %s again with the same batch, and does not die of it', async (_, fail) => {
    const topic = await kafka.topic()
    await fill(topic, 3)
    const calls: number[][] = []
    const failures: unknown[] = []
    const fatal: Error[] = []
    const consumer = kafka.consumer(
      { topics: [topic] },
      (batch) => {
        calls.push(numbers(batch.records))
        if (calls.length < 4) return fail()
        batch.completeAll()
      },
      { onHandlerFailed: (error) => void failures.push(error), onFatal: (error) => void fatal.push(error) },
    )
    await consumer.start()
    await eventually('the batch is done', () => consumer.lag().every(({ lag }) => lag === 0) && calls.length >= 4)
    await fill(topic, 1, 0, 3)
    await eventually('the next one comes', () => calls.length === 5)
    expect(calls).toEqual([[0, 1, 2], [0, 1, 2], [0, 1, 2], [0, 1, 2], [3]])
    expect(failures).toHaveLength(3)
    expect(fatal).toEqual([])
  })

  it('waits for a handler that returns a promise before it hands out the next batch', async () => {
    const topic = await kafka.topic(3)
    let running = 0
    let most = 0
    let done = 0
    const consumer = kafka.consumer({ topics: [topic] }, async (batch) => {
      most = Math.max(most, ++running)
      await new Promise((resolve) => setTimeout(resolve, 20))
      running--
      done += batch.records.length
      batch.completeAll()
    })
    await consumer.start()
    for (let i = 0; i < 5; i++) await Promise.all([0, 1, 2].map((partition) => fill(topic, 2, partition)))
    await eventually('all are done', () => done === 30)
    expect(most).toBe(1)
  })

  it('stays a member while a handler takes longer than the session time-out', async () => {
    const topic = await kafka.topic()
    await fill(topic, 1)
    const lost: unknown[] = []
    let isDone = false
    const consumer = kafka.consumer(
      { topics: [topic], settings: { sessionTimeoutMs: 6_000, heartbeatIntervalMs: 300 } },
      async (batch) => {
        await new Promise((resolve) => setTimeout(resolve, 6_500))
        isDone = batch.isHeld()
        batch.completeAll()
      },
      { onLost: (partitions) => void lost.push(partitions) },
    )
    await consumer.start()
    await eventually('the handler is done, and the partition still held', () => isDone)
    expect(lost).toEqual([])
  })

  it('stays a member while it drains: what is under way is completed and committed, nothing new comes', async () => {
    const topic = await kafka.topic()
    const groupId = `group-${topic}`
    await fill(topic, 5)
    const batches: RecordBatch[] = []
    const consumer = kafka.consumer({ topics: [topic], groupId }, (batch) => void batches.push(batch))
    await consumer.start()
    await eventually('a batch is under way', () => batches.length === 1)
    consumer.drain()
    await fill(topic, 5, 0, 5)
    expect(batches[0]!.isHeld()).toBe(true)
    batches[0]!.completeAll()
    await eventually('it is committed', async () => (await kafka.committed(groupId, topic)) === 5)
    expect(batches).toHaveLength(1)
    await consumer.close()
    expect(batches[0]!.isHeld()).toBe(false)
  })

  it('commits at closing what was completed just before', async () => {
    const topic = await kafka.topic()
    const groupId = `group-${topic}`
    await fill(topic, 5)
    let batch: RecordBatch | undefined
    const consumer = kafka.consumer(
      { topics: [topic], groupId, settings: { commitIntervalMs: 60_000 } },
      (received) => void (batch = received),
    )
    await consumer.start()
    await eventually('a batch is under way', () => batch !== undefined)
    batch!.completeAll()
    await consumer.close()
    expect(await kafka.committed(groupId, topic)).toBe(5)
  })

  it('goes over a gap that retention has made, and does not seek back for ever', async () => {
    const topic = await kafka.topic()
    const groupId = `group-${topic}`
    await fill(topic, 10)
    const first = kafka.consumer({ topics: [topic], groupId }, (batch) => {
      for (const record of batch.records) if (record.offset < 2) batch.complete(record)
    })
    await first.start()
    await eventually('two are committed', async () => (await kafka.committed(groupId, topic)) === 2)
    await first.close()
    await kafka.deleteRecordsBefore(topic, 0, 7)
    const seen: number[] = []
    const second = kafka.consumer({ topics: [topic], groupId }, (batch) => {
      seen.push(...numbers(batch.records))
      batch.completeAll()
    })
    await second.start()
    await fill(topic, 1, 0, 10)
    await eventually('all are committed', async () => (await kafka.committed(groupId, topic)) === 11)
    expect(seen).toEqual([7, 8, 9, 10])
  })

  it('starts over, and says so, when the committed offset lies beyond the end of a topic made anew', async () => {
    const topic = await kafka.topic()
    const groupId = `group-${topic}`
    await kafka.commitAs(groupId, topic, 50)
    await fill(topic, 3)
    const told: TopicPartition[][] = []
    const seen: number[] = []
    const consumer = kafka.consumer(
      { topics: [topic], groupId },
      (batch) => {
        seen.push(...numbers(batch.records))
        batch.completeAll()
      },
      { onAssigned: (_, __, withUnknownPast) => void told.push(withUnknownPast) },
    )
    await consumer.start()
    await eventually('all are committed', async () => (await kafka.committed(groupId, topic)) === 3)
    expect(seen).toEqual([0, 1, 2])
    expect(told).toEqual([[{ topic, partition: 0 }]])
  })
})
