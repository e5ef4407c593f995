import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Kafka, logLevel } from 'kafkajs'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { KafkaServer } from './kafka-server.js'
import { removeWithUs } from './process-guard.js'

let folder: string
let server: KafkaServer

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'webhooks-kafka-'))
  removeWithUs(folder)
  server = await KafkaServer.start({ dataDir: folder })
})
afterAll(async () => {
  await server.stop()
  await rm(folder, { recursive: true, force: true })
})

it('creates topics as soon as its start has returned', async () => {
  await withAdmin((admin) => admin.createTopics({ topics: [{ topic: 'first', numPartitions: 2 }] }))
  expect(await topics()).toContain('first')
})

it('has its topics, its address and a new process after kill -9', async () => {
  const { brokers, pid } = server
  server.kill9()
  await server.startAgain()
  expect(server.brokers).toBe(brokers)
  expect(server.pid).not.toBe(pid)
  expect(await topics()).toContain('first')
})

it('is the same after a clean stop', async () => {
  await server.stop()
  await expect(server.ended).resolves.toMatchObject({ signal: null })
  await server.startAgain()
  expect(await topics()).toContain('first')
})

it('does not take another server on its port for itself', async () => {
  const port = Number(server.brokers.split(':')[1])
  const twin = KafkaServer.start({ dataDir: join(folder, 'twin'), port })
  await expect(twin).rejects.toThrow(`Port ${port}, meant for Kafka, is in use`)
})

it('tells the last words of a broker that cannot start', async () => {
  const port = Number(server.brokers.split(':')[1])
  const twin = KafkaServer.start({ dataDir: join(folder, 'twin'), controllerPort: port })
  await expect(twin).rejects.toThrow(/Kafka ended while it was starting:[\s\S]*Address already in use/)
})

type Admin = ReturnType<Kafka['admin']>

async function withAdmin<T>(work: (admin: Admin) => Promise<T>): Promise<T> {
  const kafka = new Kafka({ brokers: [server.brokers], logLevel: logLevel.NOTHING, retry: { retries: 0 } })
  const admin = kafka.admin()
  await admin.connect()
  try {
    return await work(admin)
  } finally {
    await admin.disconnect()
  }
}

function topics(): Promise<string[]> {
  return withAdmin((admin) => admin.listTopics())
}
