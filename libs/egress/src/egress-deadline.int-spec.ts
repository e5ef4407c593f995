import { afterEach, beforeAll, describe, expect, test } from 'vitest'
import { egressPolicy } from './address-policy.js'
import { EgressClient, type EgressClientOptions } from './egress-client.js'
import type { EgressPhase } from './egress-result.js'
import { anAuthority, type KeyAndCertificate } from './testing/certificates.js'
import { FakeNameServer } from './testing/fake-name-server.js'
import { FullBacklog } from './testing/full-backlog.js'
import {
  dripBody,
  dripChunkExtension,
  dripChunks,
  dripHeaders,
  dripStatusLine,
  dripTlsRecord,
  drip103,
  headersWithoutBody,
} from './testing/misbehaviours.js'
import { anAnswer, RawReceiver, type RawReceiverOptions } from './testing/raw-receiver.js'

const DEADLINE_MS = 600
const LATE_MS = 250

let authority: KeyAndCertificate
let certificate: KeyAndCertificate
const cleanups: (() => Promise<void>)[] = []

beforeAll(async () => {
  const made = await anAuthority()
  authority = made
  certificate = await made.issue({})
})

afterEach(async () => {
  for (const cleanup of cleanups.splice(0).reverse()) await cleanup()
})

function aClient(options: Partial<EgressClientOptions> = {}): EgressClient {
  const policy = egressPolicy({ allowedCidrs: ['127.0.0.0/8'], allowedPorts: '1-65535', allowHttp: false })
  const client = new EgressClient({ policy, extraCaPem: authority.cert, maxConnections: 50, ...options })
  cleanups.push(() => client.close())
  return client
}

async function aReceiver(options: RawReceiverOptions): Promise<RawReceiver> {
  const receiver = await RawReceiver.start(options)
  cleanups.push(() => receiver.stop())
  return receiver
}

function send(client: EgressClient, host: string, port: number) {
  return client.send({
    url: `https://${host}:${port}/`,
    headers: { 'content-type': 'application/json' },
    body: Buffer.from('{}'),
    deadlineMs: DEADLINE_MS,
  })
}

function timedOutIn(phase: EgressPhase) {
  return { kind: 'failed', reason: 'timeout', phase }
}

type Stall = [what: string, phase: EgressPhase, options: (certificate: KeyAndCertificate) => RawReceiverOptions]

const stalls: Stall[] = [
  ['accepts and never speaks TLS', 'tls', () => ({})],
  ['drips bytes of a TLS record that never ends', 'tls', () => ({ onTcp: dripTlsRecord })],
  ['never answers', 'headers', (certificate) => ({ certificate })],
  ['drips headers', 'headers', (certificate) => ({ certificate, onRequest: dripHeaders })],
  ['drips its status line', 'headers', (certificate) => ({ certificate, onRequest: dripStatusLine })],
  ['drips 103', 'headers', (certificate) => ({ certificate, onRequest: drip103 })],
  ['sends headers and no body', 'body', (certificate) => ({ certificate, onRequest: headersWithoutBody })],
  ['drips a body of known length', 'body', (certificate) => ({ certificate, onRequest: dripBody })],
  ['drips a chunked body', 'body', (certificate) => ({ certificate, onRequest: dripChunks })],
  ['drips a chunk extension', 'body', (certificate) => ({ certificate, onRequest: dripChunkExtension })],
]

describe('an attempt ends at its deadline, and its socket closes, when the receiver', () => {
  test.each(stalls)('%s', async (_what, phase, options) => {
    const receiver = await aReceiver(options(certificate))
    const result = await send(aClient(), 'localhost', receiver.port)
    expect(result).toMatchObject(timedOutIn(phase))
    expectPunctual(result.durationMs)
    expect(receiver.accepted).toBe(1)
    await expect.poll(() => receiver.open.size).toBe(0)
  })

  test('does not even accept', async () => {
    const backlog = await FullBacklog.start()
    cleanups.push(() => backlog.stop())
    const result = await send(aClient(), 'localhost', backlog.port)
    expect(result).toMatchObject(timedOutIn('connect'))
    expectPunctual(result.durationMs)
  })

  test('has a name whose name servers are silent', async () => {
    const names = await FakeNameServer.start({ 'dead.example.com': 'silent' })
    cleanups.push(() => names.stop())
    const client = aClient({ resolver: { servers: [names.address], timeoutMs: 5_000, tries: 1 } })
    const result = await send(client, 'dead.example.com', 8443)
    expect(result).toMatchObject(timedOutIn('resolve'))
    expectPunctual(result.durationMs)
  })

  test('stalls on a reused connection', async () => {
    const receiver = await aReceiver({
      certificate,
      onRequest: (socket, _request, count) => count === 1 && socket.write(anAnswer()),
    })
    const client = aClient()
    await send(client, 'localhost', receiver.port)
    const result = await send(client, 'localhost', receiver.port)
    expect(result).toMatchObject(timedOutIn('headers'))
    expectPunctual(result.durationMs)
    expect(receiver.requests).toHaveLength(2)
    await expect.poll(() => receiver.open.size).toBe(0)
  })

  test('loses a reused connection and then stalls: the repeat gets what is left of the time', async () => {
    const receiver = await aReceiver({
      certificate,
      onRequest: (socket, _request, count) => {
        if (count === 1) socket.write(anAnswer())
        if (count === 2) setTimeout(() => socket.destroy(), 300)
      },
    })
    const client = aClient()
    await send(client, 'localhost', receiver.port)
    const result = await send(client, 'localhost', receiver.port)
    expect(result).toMatchObject(timedOutIn('headers'))
    expectPunctual(result.durationMs)
    expect(receiver.requests).toHaveLength(3)
  })
})

test('a hundred stalled attempts all end in time and leave no socket', async () => {
  const receiver = await aReceiver({ certificate })
  const client = aClient({ maxConnections: 200 })
  const results = await Promise.all(Array.from({ length: 100 }, () => send(client, 'localhost', receiver.port)))
  for (const result of results) {
    expect(result).toMatchObject({ kind: 'failed', reason: 'timeout' })
    expectPunctual(result.durationMs)
  }
  expect(client.connections).toEqual({ inUse: 0, idle: 0 })
  await expect.poll(() => receiver.open.size).toBe(0)
})

function expectPunctual(durationMs: number): void {
  expect(durationMs).toBeGreaterThanOrEqual(DEADLINE_MS - 5)
  expect(durationMs).toBeLessThanOrEqual(DEADLINE_MS + LATE_MS)
}
