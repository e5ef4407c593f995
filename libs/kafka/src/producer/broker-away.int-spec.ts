import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { KafkaServer } from '#local'
import type { RecordBatch } from '../consumer/record-batch.js'
import type { KafkaLog } from '../kafka-settings.js'
import { eventually } from '../testing/eventually.testing.js'
import { TestKafka } from '../testing/test-kafka.testing.js'

let folder: string
let server: KafkaServer
let kafka: TestKafka
let topic: string
const warnings: string[] = []
const log: KafkaLog = {
  debug: () => undefined,
  info: () => undefined,
  warn: (fields, message) => void warnings.push(`${message} ${JSON.stringify(fields)}`),
  error: (fields, message) => void warnings.push(`${message} ${JSON.stringify(fields)}`),
}

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'broker-away-'))
  server = await KafkaServer.start({ dataDir: folder })
  kafka = new TestKafka(server.brokers, log)
  topic = await kafka.topic(2)
})
afterAll(async () => {
  await kafka.close()
  await server.stop()
  await rm(folder, { recursive: true, force: true })
})

/** Milliseconds that the work takes, however it ends. */
async function duration(work: Promise<unknown>): Promise<number> {
  const started = Date.now()
  await work.catch(() => undefined)
  return Date.now() - started
}

describe('a broker that is killed and comes back', () => {
  it('makes sends fail in time and records wait, and everything goes on by itself', async () => {
    const quick = kafka.producer({ deadlineMs: 1_500 })
    const patient = kafka.producer()
    const seen = new Set<string>()
    const batches: RecordBatch[] = []
    const fatal: Error[] = []
    const consumer = kafka.consumer(
      { topics: [topic], settings: { sessionTimeoutMs: 6_000, heartbeatIntervalMs: 500 } },
      (batch) => {
        batches.push(batch)
        for (const { value } of batch.records) seen.add(String(value))
        batch.completeAll()
      },
      { onFatal: (error) => void fatal.push(error) },
    )
    const tailTopic = await kafka.topic()
    const tailed: string[] = []
    const tail = kafka.tail(tailTopic, ({ value }) => void tailed.push(String(value)))
    await tail.start(0)
    await consumer.start()
    await quick.send([{ topic, key: 'k', value: 'before' }])
    await eventually('it flows', () => seen.has('before'))

    server.kill9()
    await server.ended
    const waiting = Promise.allSettled([
      patient.send([{ topic, key: 'k', value: 'waited' }]),
      patient.send([{ topic: tailTopic, key: 'k', value: 'waited, too' }]),
    ])
    for (let i = 0; i < 2; i++) {
      const refused = quick.send([{ topic, key: 'k', value: `refused ${i}` }])
      expect(await duration(refused)).toBeLessThan(2_400)
      await expect(refused).rejects.toMatchObject({ code: 'timed_out', canRetry: true })
    }
    const lateStarter = kafka.producer({ deadlineMs: 1_500 })
    expect(await duration(lateStarter.start())).toBeLessThan(5_000)
    const doomed = kafka.consumer({ topics: [topic] }, () => undefined)
    void doomed.start()
    expect(await duration(doomed.close(500))).toBeLessThan(2_500)
    await eventually('the membership is no longer believed', () => !batches[0]!.isHeld())

    await server.startAgain()
    expect((await waiting).map(({ status }) => status)).toEqual(['fulfilled', 'fulfilled'])
    await eventually('the quick one is back', () =>
      quick.send([{ topic, key: 'k', value: 'after' }]).then(
        () => true,
        () => false,
      ),
    )
    await lateStarter.send([{ topic, key: 'k', value: 'late start' }])
    await eventually(
      'the consumer is back',
      () => ['waited', 'after', 'late start'].every((value) => seen.has(value)),
      30_000,
    )
    await tail.caughtUp(10_000)
    expect(tailed).toEqual(['waited, too'])
    expect(fatal).toEqual([])
    expect(warnings.length).toBeLessThan(80)
  })

  it('takes with it what partitions were held back for: what was dropped is handed out again', async () => {
    // The other partition is fetched all the while: without it nothing would be noticed.
    const ofTier = await kafka.topic(2)
    const seen: string[] = []
    let isLost = false
    const consumer = kafka.consumer(
      { topics: [ofTier], settings: { sessionTimeoutMs: 6_000, heartbeatIntervalMs: 500 } },
      (batch) => {
        for (const { value, partition, offset } of batch.records) {
          seen.push(String(value))
          if (String(value) !== 'due in hours') continue
          consumer.pause(ofTier, partition, 'not due')
          consumer.rewind(ofTier, partition, offset)
        }
      },
      { onLost: () => void (isLost = true) },
    )
    await consumer.start()
    const producer = kafka.producer()
    for (const value of ['due soon', 'due in hours']) {
      await producer.send([{ topic: ofTier, partition: 0, key: 'k', value }])
    }
    await eventually('both were read', () => seen.length === 2)

    server.kill9()
    await server.ended
    await eventually('it is away for longer than a session', () => consumer.heartbeatAgeMs() > 8_000)
    await server.startAgain()

    await eventually('the partition was dropped', () => isLost, 30_000)
    await eventually('both are read again', () => seen.length === 4, 30_000)
    expect(seen).toEqual(['due soon', 'due in hours', 'due soon', 'due in hours'])
    await consumer.close()
  })

  it('lets a consumer leave in its time while it is away', async () => {
    const consumer = kafka.consumer({ topics: [topic] }, (batch) => batch.completeAll())
    await consumer.start()
    await server.stop()
    expect(await duration(consumer.close(1_000))).toBeLessThan(3_500)
  })
})
