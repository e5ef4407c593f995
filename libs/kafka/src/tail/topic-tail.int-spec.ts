import { afterAll, describe, expect, inject, it } from 'vitest'
import { KafkaConnection } from '../kafka-connection.js'
import { KafkaProxy, LIST_OFFSETS } from '../testing/kafka-proxy.testing.js'
import { TestKafka } from '../testing/test-kafka.testing.js'
import { TailLagging, TopicTail } from './topic-tail.js'

const kafka = new TestKafka(inject('kafkaBrokers'))
const producer = kafka.producer({ idempotent: false })

afterAll(() => kafka.close())

describe('TopicTail', () => {
  it('has applied what was in the topic at the call, and what is written afterwards', async () => {
    const topic = await kafka.topic()
    await producer.send([{ topic, key: 'a', value: '1' }])
    const seen: string[] = []
    const tail = kafka.tail(topic, ({ key, value }) => void seen.push(`${key}=${value}`))
    await tail.start(0)
    await tail.caughtUp(5_000)
    expect(seen).toEqual(['a=1'])
    for (let i = 0; i < 20; i++) {
      await producer.send([{ topic, key: 'b', value: String(i) }])
      await tail.caughtUp(5_000)
      expect(seen.at(-1)).toBe(`b=${i}`)
    }
  })

  it('begins where it is told, for a start from a snapshot', async () => {
    const topic = await kafka.topic()
    const seen: number[] = []
    const tail = kafka.tail(topic, ({ offset }) => void seen.push(offset))
    await producer.send([{ topic, key: 'a', value: 'in the snapshot' }])
    const from = await tail.endOffset()
    await producer.send([{ topic, key: 'a', value: null }])
    await tail.start(from)
    await tail.caughtUp(5_000)
    expect(seen).toEqual([1])
  })

  it('asks for the end once however many wait', async () => {
    const topic = await kafka.topic()
    const proxy = await KafkaProxy.start(inject('kafkaBrokers'))
    const tail = new TopicTail(
      new KafkaConnection({ brokers: [proxy.brokers], clientId: 'tail' }, kafka.log),
      topic,
      () => undefined,
      kafka.log,
    )
    await tail.start(0)
    await tail.caughtUp(5_000)
    proxy.requests.length = 0
    await Promise.all(Array.from({ length: 50 }, () => tail.caughtUp(5_000)))
    expect(proxy.requests.filter((api) => api === LIST_OFFSETS)).toHaveLength(1)
    await tail.close()
    await proxy.stop()
  })

  it('says that it lags when the broker is silent, and catches up afterwards', async () => {
    const topic = await kafka.topic()
    const proxy = await KafkaProxy.start(inject('kafkaBrokers'))
    const seen: string[] = []
    const tail = new TopicTail(
      new KafkaConnection({ brokers: [proxy.brokers], clientId: 'tail' }, kafka.log),
      topic,
      ({ value }) => void seen.push(String(value)),
      kafka.log,
    )
    await tail.start(0)
    await tail.caughtUp(5_000)
    proxy.isSilent = true
    await producer.send([{ topic, key: 'k', value: 'unheard' }])
    await expect(tail.caughtUp(300)).rejects.toBeInstanceOf(TailLagging)
    expect(seen).toEqual([])
    proxy.isSilent = false
    await tail.caughtUp(20_000)
    expect(seen).toEqual(['unheard'])
    await tail.close()
    await proxy.stop()
  })

  it('goes on where the topic begins when its place was taken away', async () => {
    const topic = await kafka.topic()
    await producer.send([1, 2, 3, 4].map((value) => ({ topic, key: 'k', value: String(value) })))
    await kafka.deleteRecordsBefore(topic, 0, 3)
    const seen: number[] = []
    const tail = kafka.tail(topic, ({ offset }) => void seen.push(offset))
    await tail.start(1)
    await tail.caughtUp(5_000)
    expect(seen).toEqual([3])
  })

  it('closes at once although the broker is silent', async () => {
    const topic = await kafka.topic()
    const proxy = await KafkaProxy.start(inject('kafkaBrokers'))
    const tail = new TopicTail(
      new KafkaConnection({ brokers: [proxy.brokers], clientId: 'tail' }, kafka.log),
      topic,
      () => undefined,
      kafka.log,
    )
    await tail.start(0)
    await tail.caughtUp(5_000)
    proxy.isSilent = true
    const started = Date.now()
    await tail.close()
    // A request would wait 2 s for its answer.
    expect(Date.now() - started).toBeLessThan(1_500)
    await proxy.stop()
  })
})
