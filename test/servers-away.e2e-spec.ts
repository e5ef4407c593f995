import { mkdtemp } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { askAdmin } from '../local/src/admin-command.js'
import { KafkaServer, PostgresServer, removeWithUs } from '../local/src/index.js'
import { untilAllEnded } from './support/delivery-log.js'
import { eventually } from './support/eventually.js'
import { Pipeline } from './support/pipeline.js'
import { type ReceivedRequest, Receiver } from './support/receiver.js'

/** Far less than the deploy files give. Ms. */
const GRACE_MS = 20_000
/** What a service logs that cannot begin without Postgres. */
const WAITING = 'webhooks cannot be read'
/** Longer than an answer of Postgres, or a connection to it, is waited for. Ms. */
const AWAY_MS = 20_000

let kafka: KafkaServer
let postgres: PostgresServer
let pipeline: Pipeline
let receiver: Receiver

// Servers of this file's own, since they are stopped.
beforeAll(async () => {
  const folder = await mkdtemp(join(tmpdir(), 'webhooks-away-'))
  removeWithUs(folder)
  ;[kafka, postgres] = await Promise.all([
    KafkaServer.start({ dataDir: join(folder, 'kafka') }),
    PostgresServer.start({ dataDir: join(folder, 'postgres') }),
  ])
  const start = Pipeline.start({ kafkaBrokers: kafka.brokers, databaseUrl: postgres.databaseUrl })
  ;[pipeline, receiver] = await Promise.all([start, Receiver.start()])
})
afterAll(async () => {
  await pipeline?.stop()
  await receiver?.stop()
  await Promise.all([kafka?.stop(), postgres?.stop()])
})

describe('while the broker does not answer', () => {
  it('workers that are stopped end in time and as planned, and what could not be written is done again', async () => {
    let answer: (status: number) => void = () => {}
    const script = (_: unknown, earlier: unknown[]) =>
      earlier.length > 0 ? 200 : new Promise<number>((resolve) => (answer = resolve))
    const webhook = await pipeline.owner.createWebhook(receiver.url('/stopped', script), ['context.updated'])
    await pipeline.publish()
    await eventually(() => expect(receiver.at('/stopped')).toHaveLength(1))

    const workers = ['dispatcher', 'fanout'].map((name) => pipeline.service(name))
    process.kill(kafka.pid, 'SIGSTOP')
    try {
      answer(200)
      const stoppedAt = Date.now()
      for (const { pid } of workers) process.kill(pid, 'SIGTERM')
      const ends = await Promise.all(workers.map(({ ended }) => ended))
      expect(ends).toMatchObject([{ code: 0 }, { code: 0 }])
      expect(Date.now() - stoppedAt).toBeLessThan(GRACE_MS)
    } finally {
      process.kill(kafka.pid, 'SIGCONT')
    }

    await Promise.all(workers.map((worker) => worker.startAgain()))
    await eventually(() => expect(receiver.at('/stopped')).toHaveLength(2))
    await eventually(async () => {
      const path = `/v1/webhooks/${webhook.id}/deliveries`
      const { data } = await pipeline.owner.expect<{ data: object[] }>('GET', path)
      expect(data).toMatchObject([{ status: 'delivered' }])
    })
  })
})

describe('while the broker is not there yet', () => {
  it.each(['fanout', 'dispatcher'])('a %s that starts says that it waits, and works when it is there', async (name) => {
    const path = `/began-${name}`
    await pipeline.owner.createWebhook(receiver.url(path), ['context.updated'])
    const service = pipeline.service(name)
    process.kill(service.pid, 'SIGKILL')
    await service.ended
    process.kill(kafka.pid, 'SIGSTOP')
    let pid: number
    try {
      await service.launch()
      pid = service.pid
      const health = (check: 'live' | 'ready' | 'started') => pipeline.health(name, check)
      await eventually(async () => expect(await health('started')).toBe(200))
      expect(await Promise.all([health('live'), health('ready')])).toEqual([200, 503])
    } finally {
      process.kill(kafka.pid, 'SIGCONT')
    }
    await service.becomeReady()
    expect(service.pid).toBe(pid)
    const event = await eventually(() => pipeline.publish())
    await eventually(() => expect(receiver.at(path).map(({ eventId }) => eventId)).toContain(event.id))
  })
})

describe('while Postgres is away', () => {
  it('events are accepted, delivered and retried, however long it takes, and the log catches up', async () => {
    const onceAgain = ({ eventId }: ReceivedRequest, earlier: ReceivedRequest[]) =>
      earlier.some((each) => each.eventId === eventId) ? 200 : 500
    const webhook = await pipeline.owner.createWebhook(receiver.url('/meanwhile', onceAgain), ['context.updated'])
    const accepted: string[] = []
    const publishAndSeeRetried = async () => {
      const { id } = await pipeline.publish()
      accepted.push(id)
      const requests = () => receiver.at('/meanwhile').filter(({ eventId }) => eventId === id)
      await eventually(() => expect(requests().map(({ attempt }) => attempt)).toEqual([1, 2]))
    }
    await publishAndSeeRetried()

    await postgres.stop()
    const isLongEnough = Date.now() + AWAY_MS
    while (Date.now() < isLongEnough) await publishAndSeeRetried()
    expect((await pipeline.owner.request('GET', `/v1/webhooks/${webhook.id}/deliveries`)).status).toBe(503)
    await postgres.startAgain()

    const deliveries = await eventually(() => untilAllEnded(pipeline.owner, webhook.id, accepted.length))
    expect(deliveries.map(({ event_id }) => event_id).toReversed()).toEqual(accepted)
    expect(deliveries.map(({ attempts }) => attempts.map(({ outcome }) => outcome))).toEqual(
      accepted.map(() => ['failed', 'succeeded']),
    )
    const { missing } = await askAdmin(['audit', '--since', '1h', '--overdue-after', '1s'], pipeline.admin)
    expect(missing).toEqual([])
  })

  it.each(['fanout', 'dispatcher'])('a %s that starts waits for it, and works when it is back', async (name) => {
    const path = `/started-${name}`
    await pipeline.owner.createWebhook(receiver.url(path), ['context.updated'])
    const service = pipeline.service(name)
    await postgres.stop()
    process.kill(service.pid, 'SIGKILL')
    await service.ended
    const before = (await pipeline.log(name)).split(WAITING).length
    await service.launch()
    const { pid } = service
    await eventually(async () => expect((await pipeline.log(name)).split(WAITING).length).toBeGreaterThan(before))
    await postgres.startAgain()

    await service.becomeReady()
    expect(service.pid).toBe(pid)
    // The API may not have noticed yet that its database is back: a producer asks again as well.
    const event = await eventually(() => pipeline.publish())
    await eventually(() => expect(receiver.at(path).map(({ eventId }) => eventId)).toContain(event.id))
  })
})
