import type { Socket } from 'node:net'
import { afterAll, afterEach, beforeEach, describe, expect, inject, it } from 'vitest'
import { eventually } from '../testing/eventually.testing.js'
import { FETCH, KafkaProxy, LIST_OFFSETS, METADATA } from '../testing/kafka-proxy.testing.js'
import { TestKafka } from '../testing/test-kafka.testing.js'

const NOT_LEADER = 6
/** Longer than a request is waited for; the next may have been lost in it as well. */
const SILENCE_MS = 10_500
const TWO_REQUESTS_MS = 20_000
const HALF_IS_READ_MS = 50

const kafka = new TestKafka(inject('kafkaBrokers'))
const producer = kafka.producer()
let proxy: KafkaProxy
let through: TestKafka

beforeEach(async () => {
  proxy = await KafkaProxy.start(inject('kafkaBrokers'))
  through = new TestKafka(proxy.brokers)
})
afterEach(async () => {
  await through.close()
  await proxy.stop()
})
afterAll(() => kafka.close())

/** Questions for ends are refused, as by one who leads no more, until somebody asks who does. */
function refuseEndsOf(topic: string): { refused: number } {
  const seen = { refused: 0 }
  let from = Infinity
  proxy.onAnswer = (api, answer) => {
    if (api !== LIST_OFFSETS || proxy.requests.slice(from).includes(METADATA)) return answer
    from = Math.min(from, proxy.requests.length)
    seen.refused++
    return withErrorCode(answer, topic, NOT_LEADER)
  }
  return seen
}

/** In the answer to a question about the ends of one topic, for its first partition. */
function withErrorCode(answer: Buffer, topic: string, code: number): Buffer {
  const [sizeAndId, throttle, count, length, partitionCount, partition] = [8, 4, 4, 2, 4, 4]
  const at = sizeAndId + throttle + count + length + topic.length + partitionCount + partition
  const changed = Buffer.from(answer)
  expect(changed.toString('utf8', sizeAndId + throttle + count + length).startsWith(topic)).toBe(true)
  changed.writeInt16BE(code, at)
  return changed
}

describe('of several brokers the first one', () => {
  it('may be gone: what produces, tails and consumes asks the next', async () => {
    const topic = await kafka.topic()
    const gone = await KafkaProxy.start(inject('kafkaBrokers'))
    const beside = new TestKafka(`${gone.brokers},${inject('kafkaBrokers')}`)
    await gone.stop()
    try {
      await beside.producer().send([{ topic, key: 'k', value: 'v' }])
      const tail = beside.tail(topic, () => undefined)
      await tail.start(0)
      await tail.caughtUp(5_000)
      const groupId = `group-${topic}`
      const consumer = beside.consumer({ topics: [topic], groupId }, (batch) => batch.completeAll())
      await consumer.start()
      await eventually('it commits', async () => (await kafka.committed(groupId, topic)) === 1)
    } finally {
      await beside.close()
    }
  })
})

describe('a leader that moved while the former one answers', () => {
  it('is looked up by a tail, which catches up', async () => {
    const topic = await kafka.topic()
    await producer.send([{ topic, key: 'k', value: 'v' }])
    const seen: string[] = []
    const tail = through.tail(topic, ({ value }) => void seen.push(String(value)))
    await tail.start(0)
    await tail.caughtUp(5_000)
    const refusals = refuseEndsOf(topic)
    await producer.send([{ topic, key: 'k', value: 'w' }])
    await tail.caughtUp(5_000)
    expect(seen).toEqual(['v', 'w'])
    expect(refusals.refused).toBeGreaterThan(0)
  })

  it('is looked up by a consumer that begins', async () => {
    const topic = await kafka.topic()
    await producer.send([{ topic, key: 'k', value: 'v' }])
    const seen: string[] = []
    let refusals: ReturnType<typeof refuseEndsOf> | undefined
    const groupId = `group-${topic}`
    // Where nothing is committed kafkajs asks as well, and finds out by itself.
    await kafka.commitAs(groupId, topic, 0)
    const consumer = through.consumer(
      { topics: [topic], groupId },
      (batch) => {
        seen.push(...batch.records.map(({ value }) => String(value)))
        batch.completeAll()
      },
      { onJoined: () => void (refusals ??= refuseEndsOf(topic)) },
    )
    await consumer.start()
    await eventually('the record is there', () => seen.length === 1)
    expect(refusals?.refused).toBeGreaterThan(0)
  })
})

describe('a connection', () => {
  it('that is reset in the middle of an answer is followed by one that is read from its beginning', async () => {
    const topic = await kafka.topic()
    const seen: string[] = []
    const settings = { heartbeatIntervalMs: 200 }
    const consumer = through.consumer({ topics: [topic], settings }, (batch) => {
      seen.push(...batch.records.map(({ value }) => String(value)))
      batch.completeAll()
    })
    await consumer.start()
    await producer.send([{ topic, key: 'k', value: 'before' }])
    await eventually('it consumes', () => seen.length === 1)
    let cut: Socket | undefined
    proxy.onAnswer = (api, answer, client) => {
      if (api !== FETCH || cut) return answer
      cut = client
      client.write(answer.subarray(0, answer.length / 2))
      // A reset takes away what was not read yet.
      setTimeout(() => client.resetAndDestroy(), HALF_IS_READ_MS)
      return undefined
    }
    await eventually('an answer is cut', () => cut?.destroyed === true)
    await producer.send([{ topic, key: 'k', value: 'after' }])
    await eventually('it consumes again', () => seen.includes('after'), 5_000)
  })

  it('to a broker that was silent when it began is made anew', async () => {
    const topic = await kafka.topic()
    proxy.isSilent = true
    let isFound = false
    const waiting = through.admin.awaitTopics([topic]).then(() => (isFound = true))
    await new Promise((resolve) => setTimeout(resolve, SILENCE_MS))
    expect([isFound, proxy.connections]).toEqual([false, expect.any(Number)])
    proxy.isSilent = false
    await eventually('the topic is found', () => isFound, TWO_REQUESTS_MS)
    await waiting
  })
})
