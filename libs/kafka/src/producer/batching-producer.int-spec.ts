import { afterAll, afterEach, beforeEach, describe, expect, inject, it } from 'vitest'
import { KafkaConnection } from '../kafka-connection.js'
import { eventually } from '../testing/eventually.testing.js'
import { KafkaProxy, PRODUCE } from '../testing/kafka-proxy.testing.js'
import { TestKafka } from '../testing/test-kafka.testing.js'
import { ProduceFailed } from './produce-failed.js'

const kafka = new TestKafka(inject('kafkaBrokers'))
let proxy: KafkaProxy

beforeEach(async () => {
  proxy = await KafkaProxy.start(inject('kafkaBrokers'))
})
afterEach(() => proxy.stop())
afterAll(() => kafka.close())

function throughProxy(): KafkaConnection {
  return new KafkaConnection({ brokers: [proxy.brokers], clientId: 'through-proxy' }, kafka.log)
}

async function valuesIn(topic: string): Promise<string[]> {
  return (await kafka.recordsIn(topic)).map(({ value }) => String(value))
}

function failureOf(sending: Promise<void>): Promise<ProduceFailed> {
  return sending.then(
    () => Promise.reject(new Error('the send succeeded')),
    (error: ProduceFailed) => error,
  )
}

describe('BatchingProducer', () => {
  it('writes key, value, headers and null ones as they are', async () => {
    const topic = await kafka.topic()
    await kafka.producer().send([
      { topic, key: 'whk_1', value: Buffer.from('{"ä":1}'), headers: { attempt: '1', name: 'ö' } },
      { topic, key: null, value: null },
    ])
    expect(await kafka.recordsIn(topic)).toMatchObject([
      { key: 'whk_1', value: Buffer.from('{"ä":1}'), headers: { attempt: '1', name: 'ö' }, offset: 0 },
      { key: null, value: null, headers: {}, offset: 1 },
    ])
  })

  it('keeps its pace: at once after a pause, together before the next, and not at closing', async () => {
    const topic = await kafka.topic()
    const paceMs = 2_000
    const producer = kafka.producer({ paceMs })
    const send = (value: string) => producer.send([{ topic, key: null, value: Buffer.from(value) }])
    await producer.start()
    const began = performance.now()
    await send('1')
    expect(performance.now() - began).toBeLessThan(paceMs)
    const second = send('2')
    await new Promise((resolve) => setImmediate(resolve))
    await Promise.all([second, send('3')])
    expect(performance.now() - began).toBeGreaterThanOrEqual(paceMs)
    expect(producer.rounds).toBe(2)

    const last = send('4')
    const closing = performance.now()
    await Promise.all([last, producer.close()])
    expect(performance.now() - closing).toBeLessThan(paceMs)
    expect(await valuesIn(topic)).toEqual(['1', '2', '3', '4'])
  })

  it('gathers what arrives while a request is outstanding: a hundred sends take few requests', async () => {
    const topic = await kafka.topic(4)
    const producer = kafka.producer()
    await producer.start()
    const sends: Promise<void>[] = []
    for (let i = 0; i < 100; i++) {
      sends.push(producer.send([{ topic, key: `key ${i}`, value: 'x'.repeat(1_000) }]))
      if (i % 10 === 0) await new Promise((resolve) => setImmediate(resolve))
    }
    await Promise.all(sends)
    expect(producer.rounds).toBeLessThanOrEqual(12)
    expect(await kafka.recordsIn(topic)).toHaveLength(100)
  })

  it('keeps the order of a key over thousands of records in several batches', async () => {
    const topic = await kafka.topic(3)
    const producer = kafka.producer({ maxRequestBytes: 20_000 })
    const values = Array.from({ length: 3_000 }, (_, i) => String(i).padStart(100, '0'))
    await Promise.all(values.map((value, i) => producer.send([{ topic, key: `key ${i % 5}`, value }])))
    const records = await kafka.recordsIn(topic)
    expect(records).toHaveLength(3_000)
    for (let k = 0; k < 5; k++) {
      const own = records.filter(({ key }) => key === `key ${k}`)
      expect(new Set(own.map(({ partition }) => partition)).size).toBe(1)
      expect(own.map(({ value }) => String(value))).toEqual(values.filter((_, i) => i % 5 === k))
    }
  })

  it('splits what a partition gets in one send below the broker’s limit', async () => {
    const topic = await kafka.topic()
    const value = Buffer.alloc(64 * 1024, 'v')
    await kafka.producer().send(Array.from({ length: 50 }, () => ({ topic, key: 'same', value })))
    expect(await kafka.recordsIn(topic)).toHaveLength(50)
  })

  it('refuses an oversize record alone, and its neighbours pass', async () => {
    const topic = await kafka.topic()
    const producer = kafka.producer()
    const before = producer.send([{ topic, key: 'a', value: 'before' }])
    const tooLarge = failureOf(producer.send([{ topic, key: 'big', value: Buffer.alloc(950 * 1024) }]))
    const after = producer.send([{ topic, key: 'a', value: 'after' }])
    await Promise.all([before, after])
    expect(await tooLarge).toMatchObject({ code: 'record_too_large', canRetry: false })
    expect((await tooLarge).message).toContain('big')
    expect(await valuesIn(topic)).toEqual(['before', 'after'])
  })

  it('finds the one record that the broker refuses, and stores the others of its batch', async () => {
    const topic = await kafka.topic(1, { 'max.message.bytes': '10000' })
    const producer = kafka.producer()
    const sizes = [1_000, 20_000, 8_000, 5_000, 3_000]
    const sends = sizes.map((size, i) => producer.send([{ topic, key: 'k', value: String(i).repeat(size) }]))
    const outcomes = await Promise.allSettled(sends)
    expect(outcomes.map(({ status }) => status)).toEqual([
      'fulfilled',
      'rejected',
      'fulfilled',
      'fulfilled',
      'fulfilled',
    ])
    expect(await failureOf(sends[1]!)).toMatchObject({ code: 'refused', canRetry: false })
    expect((await valuesIn(topic)).map((value) => value[0])).toEqual(['0', '2', '3', '4'])
  })

  it('stores a batch once although its answers are lost', async () => {
    const topic = await kafka.topic()
    const producer = kafka.producer({}, throughProxy())
    await producer.send([{ topic, key: 'k', value: 'first' }])
    proxy.loses.set(PRODUCE, 2)
    await producer.send([{ topic, key: 'k', value: 'second' }])
    await producer.send([{ topic, key: 'k', value: 'third' }])
    expect(proxy.requests.filter((api) => api === PRODUCE)).toHaveLength(5)
    expect(await valuesIn(topic)).toEqual(['first', 'second', 'third'])
  })

  it('never loses the batch after a rejected one, though it has the same size', async () => {
    const topic = await kafka.topic()
    const producer = kafka.producer({ deadlineMs: 400 }, throughProxy())
    await producer.send([{ topic, key: 'k', value: 'aaaa' }])
    proxy.loses.set(PRODUCE, Infinity)
    expect(await failureOf(producer.send([{ topic, key: 'k', value: 'bbbb' }]))).toMatchObject({ code: 'timed_out' })
    proxy.loses.set(PRODUCE, 0)
    await producer.send([{ topic, key: 'k', value: 'cccc' }])
    await producer.send([{ topic, key: 'k', value: 'dddd' }])
    const values = await valuesIn(topic)
    expect(values.filter((value) => value !== 'bbbb')).toEqual(['aaaa', 'cccc', 'dddd'])
  })

  it('rejects within its deadline on a half-open connection, and recovers on a new one', async () => {
    const topic = await kafka.topic()
    const producer = kafka.producer({ deadlineMs: 1_000 }, throughProxy())
    await producer.send([{ topic, key: 'k', value: 'before' }])
    proxy.isSilent = true
    const started = Date.now()
    expect(await failureOf(producer.send([{ topic, key: 'k', value: 'lost' }]))).toMatchObject({
      code: 'timed_out',
      canRetry: true,
    })
    expect(Date.now() - started).toBeLessThan(1_900)
    proxy.isSilent = false
    await eventually('a send succeeds again', () =>
      producer.send([{ topic, key: 'k', value: 'after' }]).then(
        () => true,
        () => false,
      ),
    )
    expect(await valuesIn(topic)).toContain('after')
  })

  it('repeats within the deadline what was lost on a half-open connection', async () => {
    const topic = await kafka.topic()
    const producer = kafka.producer({ deadlineMs: 3_000 }, throughProxy())
    await producer.send([{ topic, key: 'k', value: 'before' }])
    proxy.isSilent = true
    const sending = producer.send([{ topic, key: 'k', value: 'late' }])
    await eventually('the connection is given up', () => proxy.connections === 0)
    proxy.isSilent = false
    await sending
    expect(await valuesIn(topic)).toEqual(['before', 'late'])
  })

  it('takes no more than its buffer holds, and takes again when there is room', async () => {
    const topic = await kafka.topic()
    const producer = kafka.producer({ deadlineMs: 600, maxBufferedBytes: 10_000 }, throughProxy())
    await producer.send([{ topic, key: 'k', value: 'first' }])
    proxy.isSilent = true
    const waiting = failureOf(producer.send([{ topic, key: 'k', value: 'w'.repeat(8_000) }]))
    const started = Date.now()
    const refused = await failureOf(producer.send([{ topic, key: 'k', value: 'r'.repeat(3_000) }]))
    expect(refused).toMatchObject({ code: 'buffer_full', canRetry: true })
    expect(Date.now() - started).toBeLessThan(500)
    expect(await waiting).toMatchObject({ code: 'timed_out' })
    proxy.isSilent = false
    await eventually('there is room again', () =>
      producer.send([{ topic, key: 'k', value: 'again'.repeat(1_500) }]).then(
        () => true,
        () => false,
      ),
    )
  })

  it('writes at closing what it had accepted, and nothing afterwards', async () => {
    const topic = await kafka.topic()
    const producer = kafka.producer()
    const accepted = Array.from({ length: 20 }, (_, i) => producer.send([{ topic, key: 'k', value: String(i) }]))
    await producer.close()
    await Promise.all(accepted)
    expect(await failureOf(producer.send([{ topic, key: 'k', value: 'late' }]))).toMatchObject({ code: 'closed' })
    expect(await kafka.recordsIn(topic)).toHaveLength(20)
  })

  it('closes in its time when the broker is silent, and rejects what is left', async () => {
    const topic = await kafka.topic()
    const producer = kafka.producer({}, throughProxy())
    await producer.send([{ topic, key: 'k', value: 'first' }])
    proxy.isSilent = true
    const left = failureOf(producer.send([{ topic, key: 'k', value: 'left' }]))
    const started = Date.now()
    await producer.close(300)
    expect(Date.now() - started).toBeLessThan(2_000)
    expect(await left).toMatchObject({ code: 'closed', canRetry: true })
  })

  it('lets other topics pass while one does not exist yet, and stores its records once it does', async () => {
    const topic = await kafka.topic()
    const producer = kafka.producer()
    const missing = `${topic}-later`
    const early = producer.send([{ topic: missing, key: 'k', value: 'early' }])
    await producer.send([{ topic, key: 'k', value: 'other' }])
    await kafka.admin.ensureTopics([{ name: missing, partitions: 2, replicationFactor: 1, config: {} }])
    await early
    expect(await valuesIn(missing)).toEqual(['early'])
  })
})
