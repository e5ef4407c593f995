import type { Socket } from 'node:net'
import { afterAll, afterEach, beforeEach, describe, expect, inject, it } from 'vitest'
import type { ConsumerHooks } from '../consumer/consumer-options.js'
import { eventually } from '../testing/eventually.testing.js'
import {
  FETCH,
  FIND_COORDINATOR,
  HEARTBEAT,
  KafkaProxy,
  LIST_OFFSETS,
  METADATA,
} from '../testing/kafka-proxy.testing.js'
import { TestKafka } from '../testing/test-kafka.testing.js'

const NOT_LEADER = 6
/** Longer than a request is waited for; the next may have been lost in it as well. */
const SILENCE_MS = 10_500
const TWO_REQUESTS_MS = 20_000
const HALF_IS_READ_MS = 50
/** Shorter than a request is waited for, and longer than offsets are. */
const ONE_REQUEST_MS = 9_000
/** So long that the group does not miss a member whose connection is silent. */
const LONG_SESSION_MS = 40_000
const FRESH_MS = 1_000
const STALE_MS = 5_000

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

describe('a broker that falls silent, and resets nothing,', () => {
  /** Alone in its group, behind the proxy; it remembers what it was handed and how often it joined. */
  async function aMember(hooks: Partial<ConsumerHooks> = {}) {
    const topic = await kafka.topic()
    const seen: string[] = []
    const counts = { joins: 0, assignments: 0 }
    const options = {
      topics: [topic],
      groupId: `group-${topic}`,
      settings: { heartbeatIntervalMs: 200, sessionTimeoutMs: LONG_SESSION_MS },
    }
    const consumer = through.consumer(
      options,
      (batch) => {
        seen.push(...batch.records.map(({ value }) => String(value)))
        batch.completeAll()
      },
      {
        onJoined: () => {
          counts.joins++
          hooks.onJoined?.()
        },
        onAssigned: () => void counts.assignments++,
      },
    )
    const send = (value: string) => producer.send([{ topic, key: 'k', value }])
    return { consumer, topic, seen, counts, send }
  }

  it('is left by the fetches: the next record comes', async () => {
    const { consumer, seen, counts, send } = await aMember()
    await consumer.start()
    await send('before')
    await eventually('it consumes', () => seen.length === 1)
    proxy.silenceOpen(FETCH)
    await send('after')
    await eventually('it consumes again', () => seen.includes('after'), TWO_REQUESTS_MS)
    expect(counts).toEqual({ joins: 1, assignments: 1 })
  })

  it('is left by a consumer that begins: partitions are assigned and records come', async () => {
    const { consumer, seen, counts, send } = await aMember({
      onJoined: () => {
        if (counts.joins === 1) proxy.silenceOpen()
      },
    })
    await send('before')
    await consumer.start()
    await eventually('the record is there', () => seen.length === 1, TWO_REQUESTS_MS)
    expect(counts).toEqual({ joins: 1, assignments: 1 })
  })

  it('may lead no more: a consumer that begins asks who does', async () => {
    let leader: Socket | undefined
    let isAsked = false
    const { consumer, topic, seen, send } = await aMember({
      onJoined: () => {
        proxy.onAnswer = (api, answer, client) => {
          if (api === METADATA && client === leader) isAsked = true
          if (api !== LIST_OFFSETS || isAsked) return answer
          leader = client
          return undefined
        }
      },
    })
    await send('before')
    // Where nothing is committed kafkajs asks as well.
    await kafka.commitAs(`group-${topic}`, topic, 0)
    await consumer.start()
    await eventually('the record is there', () => seen.length === 1, ONE_REQUEST_MS)
    expect(isAsked).toBe(true)
  })

  it('is left by the heartbeats: the membership is confirmed again', async () => {
    const { consumer, counts } = await aMember()
    await consumer.start()
    await eventually('it beats', () => consumer.isReady() && proxy.requests.includes(HEARTBEAT))
    proxy.silenceOpen(HEARTBEAT)
    await eventually('nobody confirms it', () => consumer.heartbeatAgeMs() > STALE_MS)
    await eventually('it is confirmed again', () => consumer.heartbeatAgeMs() < FRESH_MS, TWO_REQUESTS_MS)
    expect(counts).toEqual({ joins: 1, assignments: 1 })
  })

  it('may keep the group no more: who does is asked, without a join', async () => {
    const { consumer, counts } = await aMember()
    await consumer.start()
    await eventually('it beats', () => consumer.isReady() && proxy.requests.includes(HEARTBEAT))
    const from = proxy.requests.length
    const isAsked = () => proxy.requests.slice(from).includes(FIND_COORDINATOR)
    proxy.onAnswer = (api, answer) => (api === HEARTBEAT && !isAsked() ? undefined : answer)
    await eventually('nobody confirms it', () => consumer.heartbeatAgeMs() > STALE_MS)
    await eventually('it is confirmed again', () => consumer.heartbeatAgeMs() < FRESH_MS, TWO_REQUESTS_MS)
    expect(counts).toEqual({ joins: 1, assignments: 1 })
  })
})
