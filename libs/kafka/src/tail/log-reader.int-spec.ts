import { afterAll, describe, expect, inject, it, vi } from 'vitest'
import type { ConsumedRecord } from '../consumer/consumed-record.js'
import { KafkaConnection } from '../kafka-connection.js'
import { TestKafka } from '../testing/test-kafka.testing.js'
import { LogReader, type LogSpan } from './log-reader.js'

const kafka = new TestKafka(inject('kafkaBrokers'))
const producer = kafka.producer({ idempotent: true })
const reader = new LogReader(
  new KafkaConnection({ brokers: inject('kafkaBrokers').split(','), clientId: 'reader' }, kafka.log),
)

afterAll(async () => {
  reader.close()
  await kafka.close()
})

async function readAll(spans: LogSpan[]): Promise<ConsumedRecord[]> {
  const read: ConsumedRecord[] = []
  for (const span of spans) await reader.read(span, (records) => void read.push(...records))
  return read
}

const values = (records: ConsumedRecord[]) => records.map(({ value }) => String(value)).sort()

describe('reading a stretch of the log', () => {
  it('gives every record once, and none that came later', async () => {
    const topic = await kafka.topic(3)
    const wanted = Array.from({ length: 500 }, (_, i) => String(1_000 + i))
    await producer.send(wanted.map((value) => ({ topic, key: value, value })))
    const spans = await reader.spans(topic)
    await producer.send([{ topic, key: 'later', value: 'later' }])

    expect(spans).toHaveLength(3)
    expect(values(await readAll(spans))).toEqual(wanted)
  })

  it('begins at a time', async () => {
    const topic = await kafka.topic(1)
    await producer.send([{ topic, key: 'a', value: 'early' }])
    const [early] = await readAll(await reader.spans(topic))
    // The broker's clock is this machine's.
    await vi.waitFor(() => expect(Date.now()).toBeGreaterThan(early!.timestamp + 1))
    await producer.send([{ topic, key: 'a', value: 'late' }])

    expect(values(await readAll(await reader.spans(topic, early!.timestamp)))).toEqual(['early', 'late'])
    expect(values(await readAll(await reader.spans(topic, early!.timestamp + 1)))).toEqual(['late'])
    expect(values(await readAll(await reader.spans(topic, Date.now() + 60_000)))).toEqual([])
  })

  it('ends when it is told to, after a portion', async () => {
    const topic = await kafka.topic(1)
    for (const value of ['a', 'b', 'c']) await producer.send([{ topic, key: 'k', value: value.repeat(2_000) }])
    const inPortions = new LogReader(
      new KafkaConnection({ brokers: inject('kafkaBrokers').split(','), clientId: 'reader' }, kafka.log),
      { portionBytes: 1_000 },
    )
    const read: string[] = []
    const [span] = await inPortions.spans(topic)
    await inPortions.read(span!, (records) => {
      read.push(...records.map(({ value }) => String(value)[0]!))
      return read.length < 2
    })
    inPortions.close()
    expect(read).toEqual(['a', 'b'])
  })

  it('has nothing to read in an empty topic', async () => {
    expect(await readAll(await reader.spans(await kafka.topic(2)))).toEqual([])
  })
})
