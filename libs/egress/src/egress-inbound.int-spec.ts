import { subscribe, unsubscribe } from 'node:diagnostics_channel'
import type { Socket } from 'node:net'
import { afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { egressPolicy } from './address-policy.js'
import { EgressClient } from './egress-client.js'
import { MOST_BODY_BYTES } from './exchange.js'
import { MOST_BYTES, MOST_SESSIONS } from './inbound-limit.js'
import { anAuthority, type KeyAndCertificate } from './testing/certificates.js'
import {
  floodChunkExtension,
  floodChunkSize,
  floodHelloRequests,
  floodLeadingCrlf,
  floodReason,
  floodWhileIdle,
} from './testing/misbehaviours.js'
import { anAnswer, RawReceiver, type RawReceiverOptions } from './testing/raw-receiver.js'
import { speakingTls, type TlsRecords } from './testing/tls-records.js'

// Long, so that what ends in less has not ended by it.
const DEADLINE_MS = 5_000
/** What libuv reads at once. A limit shows only after that, and a stage may begin within it, the handshake being one. */
const MOST_OF_THREE_READS = 3 * 64 * 1_024
/** Connections that wait are looked at once a second. */
const SOON = { timeout: 5_000 }

let authority: KeyAndCertificate
let certificate: KeyAndCertificate
/** The client's end of every connection, below TLS. */
let sockets: Socket[] = []
const cleanups: (() => Promise<void>)[] = []

beforeAll(async () => {
  const made = await anAuthority()
  authority = made
  certificate = await made.issue({})
})

const onSocket = (message: unknown) => void sockets.push((message as { socket: Socket }).socket)

beforeEach(() => {
  sockets = []
  subscribe('net.client.socket', onSocket)
})

afterEach(async () => {
  unsubscribe('net.client.socket', onSocket)
  for (const cleanup of cleanups.splice(0).reverse()) await cleanup()
})

function aClient(): EgressClient {
  const policy = egressPolicy({ allowedCidrs: ['127.0.0.0/8'], allowedPorts: '1-65535', allowHttp: true })
  const client = new EgressClient({ policy, extraCaPem: authority.cert, maxConnections: 50 })
  cleanups.push(() => client.close())
  return client
}

async function aReceiver(options: RawReceiverOptions): Promise<RawReceiver> {
  const receiver = await RawReceiver.start(options)
  cleanups.push(() => receiver.stop())
  return receiver
}

function send(client: EgressClient, { port }: RawReceiver, scheme: 'http' | 'https' = 'https') {
  const url = `${scheme}://localhost:${port}/`
  return client.send({ url, headers: {}, body: Buffer.from('{}'), deadlineMs: DEADLINE_MS })
}

function expectLittleRead(allowed: number): void {
  const [socket] = sockets
  expect(sockets).toHaveLength(1)
  expect(socket?.bytesRead).toBeLessThan(allowed + MOST_OF_THREE_READS)
}

describe.each(['http', 'https'] as const)('over %s', (scheme) => {
  const secured = () => (scheme === 'https' ? { certificate } : {})

  test.each([
    ['line breaks instead of a status line', floodLeadingCrlf],
    ['a reason phrase', floodReason],
    ['the extension of a chunk', floodChunkExtension],
    ['zeros before the size of a chunk', floodChunkSize],
  ])('an attempt ends when it is answered with %s without end', async (_what, onRequest) => {
    const receiver = await aReceiver({ ...secured(), onRequest })
    const result = await send(aClient(), receiver, scheme)
    expect(result).toMatchObject({
      kind: 'failed',
      reason: 'protocol',
      detail: expect.stringMatching(/TOO_MANY_BYTES/),
    })
    expect(result.durationMs).toBeLessThan(DEADLINE_MS)
    expectLittleRead(MOST_BYTES.answer)
    await expect.poll(() => receiver.open.size).toBe(0)
  })

  test('what is too much on a connection that was used before is not asked for once more', async () => {
    const receiver = await aReceiver({
      ...secured(),
      onRequest: (socket, _request, count) => (count === 1 ? socket.write(anAnswer()) : floodLeadingCrlf(socket)),
    })
    const client = aClient()
    await send(client, receiver, scheme)
    expect(await send(client, receiver, scheme)).toMatchObject({ kind: 'failed', reason: 'protocol' })
    expect(receiver.requests).toHaveLength(2)
    expectLittleRead(MOST_BYTES.answer)
  })

  test('a connection that waits is closed when its receiver sends without end', async () => {
    const receiver = await aReceiver({ ...secured(), onRequest: floodWhileIdle })
    const client = aClient()
    expect(await send(client, receiver, scheme)).toMatchObject({ kind: 'answered', status: 200 })
    await expect.poll(() => receiver.open.size).toBe(0)
    expect(client.connections).toEqual({ inUse: 0, idle: 0 })
    expectLittleRead(MOST_BYTES.idle)
  })

  test('a connection may be kept for more answers than one would be allowed to be long', async () => {
    const body = 'x'.repeat(MOST_BYTES.answer / 5)
    const receiver = await aReceiver({ ...secured(), onRequest: (socket) => socket.write(anAnswer(body)) })
    const client = aClient()
    for (let count = 0; count < 10; count++) expect(await send(client, receiver, scheme)).toMatchObject({ status: 200 })
    expect(receiver.accepted).toBe(1)
    expect(sockets[0]?.bytesRead).toBeGreaterThan(MOST_BYTES.answer)
  })
})

describe('an answer of which only the rest that is thrown away is missing', () => {
  const most = anAnswer('x'.repeat(MOST_BODY_BYTES), 200, { 'Content-Length': String(2 * MOST_BODY_BYTES) })

  test('counts when its connection ends', async () => {
    const receiver = await aReceiver({ onRequest: (socket) => socket.end(most) })
    expect(await send(aClient(), receiver, 'http')).toMatchObject({ kind: 'answered', status: 200, truncated: true })
  })

  test('counts when more comes than may', async () => {
    const onRequest = (records: TlsRecords) => {
      records.answer(most)
      records.keyUpdates(MOST_BYTES.answer)
    }
    const receiver = await aReceiver({ certificate, ...speakingTls(onRequest) })
    expect(await send(aClient(), receiver)).toMatchObject({ kind: 'answered', status: 200, truncated: true })
  })
})

describe('TLS of a receiver that', () => {
  // Sends of each kind more than is allowed, whatever the stage.
  const manyKeyUpdates = (records: TlsRecords) => records.keyUpdates(MOST_BYTES.answer + 1)
  const manySessions = (records: TlsRecords) => records.sessions(MOST_SESSIONS + 1)

  test.each([
    ['sends sessions without end', 'tls', manySessions, /TOO_MANY_SESSIONS/],
    ['changes its keys without end', 'protocol', manyKeyUpdates, /TOO_MANY_BYTES/],
  ] as const)('%s instead of an answer ends the attempt', async (_what, reason, flood, detail) => {
    const receiver = await aReceiver({ certificate, ...speakingTls(flood) })
    const result = await send(aClient(), receiver)
    expect(result).toMatchObject({ kind: 'failed', reason, detail: expect.stringMatching(detail) })
    expect(result.durationMs).toBeLessThan(DEADLINE_MS)
    await expect.poll(() => receiver.open.size).toBe(0)
  })

  test('asks for handshakes without end within the first ends the attempt', async () => {
    const receiver = await aReceiver({ onTcp: (socket) => socket.once('data', () => floodHelloRequests(socket)) })
    const result = await send(aClient(), receiver)
    expect(result).toMatchObject({ kind: 'failed', reason: 'tls', detail: expect.stringMatching(/TOO_MANY_BYTES/) })
    expect(result.durationMs).toBeLessThan(DEADLINE_MS)
    await expect.poll(() => receiver.open.size).toBe(0)
  })

  test.each([
    ['sends sessions without end', manySessions],
    ['changes its keys without end', manyKeyUpdates],
  ] as const)('%s while it is asked nothing has its connection closed', async (_what, flood) => {
    let records: TlsRecords | undefined
    const onRequest = (each: TlsRecords) => (records = each).answer(anAnswer())
    const receiver = await aReceiver({ certificate, ...speakingTls(onRequest) })
    const client = aClient()
    expect(await send(client, receiver)).toMatchObject({ kind: 'answered', status: 200 })
    expect(client.connections.idle).toBe(1)
    flood(records!)
    await expect.poll(() => receiver.open.size, SOON).toBe(0)
    expect(client.connections).toEqual({ inUse: 0, idle: 0 })
  })

  test('cannot be read ends the attempt at once', async () => {
    const receiver = await aReceiver({ certificate, ...speakingTls((records) => records.nonsense()) })
    const result = await send(aClient(), receiver)
    expect(result).toMatchObject({ kind: 'failed', reason: 'tls', phase: 'headers' })
    expect(result.durationMs).toBeLessThan(DEADLINE_MS)
    await expect.poll(() => receiver.open.size).toBe(0)
  })

  test('cannot be read any more while it is asked nothing has its connection closed', async () => {
    const receiver = await aReceiver({
      certificate,
      ...speakingTls((records) => {
        records.answer(anAnswer())
        records.nonsense()
      }),
    })
    const client = aClient()
    expect(await send(client, receiver)).toMatchObject({ kind: 'answered', status: 200 })
    await expect.poll(() => receiver.open.size).toBe(0)
    expect(client.connections).toEqual({ inUse: 0, idle: 0 })
  })

  test('sends some sessions and keys, as it may, has its connection used again', async () => {
    const receiver = await aReceiver({
      certificate,
      ...speakingTls((records) => {
        records.sessions(MOST_SESSIONS - 2)
        records.keyUpdates(1_000)
        records.answer(anAnswer())
      }),
    })
    const client = aClient()
    for (const reusedConnection of [false, true, true])
      expect(await send(client, receiver)).toMatchObject({ kind: 'answered', reusedConnection })
  })
})
