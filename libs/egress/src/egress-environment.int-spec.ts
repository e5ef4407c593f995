import { gzipSync } from 'node:zlib'
import type { TLSSocket } from 'node:tls'
import { afterEach, beforeAll, describe, expect, test, vi } from 'vitest'
import { egressPolicy } from './address-policy.js'
import { EgressClient } from './egress-client.js'
import { anAuthority, aSelfSignedCertificate, type KeyAndCertificate } from './testing/certificates.js'
import { FakeNameServer } from './testing/fake-name-server.js'
import { anAnswer, RawReceiver, type RawReceiverOptions } from './testing/raw-receiver.js'

// What neither this machine's environment nor a receiver can talk the client into.
let authority: Awaited<ReturnType<typeof anAuthority>>
let certificate: KeyAndCertificate
const cleanups: (() => Promise<void>)[] = []

beforeAll(async () => {
  authority = await anAuthority()
  certificate = await authority.issue({})
})

afterEach(async () => {
  vi.unstubAllEnvs()
  for (const cleanup of cleanups.splice(0).reverse()) await cleanup()
})

async function aReceiver(options: RawReceiverOptions = {}): Promise<RawReceiver> {
  const receiver = await RawReceiver.start({
    certificate,
    onRequest: (socket) => socket.write(anAnswer()),
    ...options,
  })
  cleanups.push(() => receiver.stop())
  return receiver
}

function aClient({ servers, allowedCidrs = ['127.0.0.0/8'] }: { servers?: string[]; allowedCidrs?: string[] } = {}) {
  const client = new EgressClient({
    policy: egressPolicy({ allowedCidrs, allowedPorts: '1-65535', allowHttp: true }),
    extraCaPem: authority.cert,
    maxConnections: 10,
    ...(servers && { resolver: { servers } }),
  })
  cleanups.push(() => client.close())
  return client
}

const send = (client: EgressClient, url: string) =>
  client.send({ url, headers: {}, body: Buffer.from('{}'), deadlineMs: 1_000 })

const at = (receiver: RawReceiver, host = 'localhost') => `https://${host}:${receiver.port}/webhook`

describe('TLS', () => {
  test('is verified, whatever NODE_TLS_REJECT_UNAUTHORIZED says', async () => {
    vi.stubEnv('NODE_TLS_REJECT_UNAUTHORIZED', '0')
    const unknown = await aReceiver({ certificate: await aSelfSignedCertificate() })
    const misnamed = await aReceiver({ certificate: await authority.issue({ names: ['example.com'], addresses: [] }) })
    for (const [receiver, reason] of [
      [unknown, 'tls_untrusted'],
      [misnamed, 'tls_wrong_host'],
    ] as const) {
      expect(await send(aClient(), at(receiver))).toMatchObject({ kind: 'failed', reason })
      expect(receiver.requests).toEqual([])
    }
  })

  test.each(['TLSv1', 'TLSv1.1'] as const)('of version %s is refused', async (version) => {
    const tls = { minVersion: version, maxVersion: version, ciphers: 'DEFAULT:@SECLEVEL=0' }
    const receiver = await aReceiver({ tls })
    expect(await send(aClient(), at(receiver))).toMatchObject({ kind: 'failed', reason: 'tls', phase: 'tls' })
    expect(receiver.handshakes).toEqual([])
  })

  test.each(['TLSv1.2', 'TLSv1.3'] as const)('of version %s is spoken, and names the host', async (version) => {
    const receiver = await aReceiver({ tls: { minVersion: version, maxVersion: version } })
    expect(await send(aClient(), at(receiver))).toMatchObject({ kind: 'answered', status: 200 })
    expect(receiver.handshakes).toEqual([{ name: 'localhost', version }])
  })

  test('with a key that the receiver may make as costly as it likes is refused', async () => {
    // Nobody's authority signs RSA here: the verdict on the certificate shows that the handshake went as far as that.
    const certificate = await aSelfSignedCertificate({ keyType: 'rsa' })
    const tls = { maxVersion: 'TLSv1.2', ciphers: 'DHE-RSA-AES128-GCM-SHA256', dhparam: 'auto' } as const
    const receiver = await aReceiver({ certificate, tls })
    expect(await send(aClient(), at(receiver))).toMatchObject({ kind: 'failed', reason: 'tls', phase: 'tls' })
    const usual = await aReceiver({ certificate, tls: { ...tls, ciphers: 'ECDHE-RSA-AES128-GCM-SHA256' } })
    expect(await send(aClient(), at(usual))).toMatchObject({ kind: 'failed', reason: 'tls_untrusted' })
  })

  test('is not negotiated again, however often the receiver asks for it', async () => {
    const negotiated: (Error | null)[] = []
    const receiver = await aReceiver({
      tls: { maxVersion: 'TLSv1.2' },
      onRequest: (socket) => {
        ;(socket as TLSSocket).renegotiate({}, (error) => negotiated.push(error))
        socket.write(anAnswer())
      },
    })
    const client = aClient()
    expect(await send(client, at(receiver))).toMatchObject({ kind: 'answered', status: 200 })
    // By the time that another request is over, however it ends, the wish would have been obeyed.
    await send(client, at(receiver))
    expect(negotiated).not.toContain(null)
  })

  test('names no host where the URL has an address', async () => {
    const receiver = await aReceiver()
    expect(await send(aClient(), at(receiver, '127.0.0.1'))).toMatchObject({ kind: 'answered' })
    expect(receiver.handshakes).toMatchObject([{ name: false }])
  })
})

test('no proxy is used, whatever the environment names', async () => {
  const proxy = await RawReceiver.start({ onTcp: (socket) => socket.destroy() })
  cleanups.push(() => proxy.stop())
  for (const name of ['HTTP_PROXY', 'HTTPS_PROXY', 'ALL_PROXY']) {
    vi.stubEnv(name, `http://127.0.0.1:${proxy.port}`)
    vi.stubEnv(name.toLowerCase(), `http://127.0.0.1:${proxy.port}`)
  }
  vi.stubEnv('NODE_USE_ENV_PROXY', '1')
  vi.stubEnv('NO_PROXY', '')
  const plain = await RawReceiver.start({ onRequest: (socket) => socket.write(anAnswer()) })
  cleanups.push(() => plain.stop())
  const client = aClient()
  expect(await send(client, at(await aReceiver()))).toMatchObject({ kind: 'answered' })
  expect(await send(client, `http://localhost:${plain.port}/`)).toMatchObject({ kind: 'answered' })
  expect(proxy.accepted).toBe(0)
})

test.each([301, 302, 303, 307, 308])('a redirect of kind %i is the answer and not followed', async (status) => {
  const elsewhere = await aReceiver()
  const headers = { Location: at(elsewhere), Refresh: `0; url=${at(elsewhere)}` }
  const receiver = await aReceiver({ onRequest: (socket) => socket.write(anAnswer('', status, headers)) })
  expect(await send(aClient(), at(receiver))).toMatchObject({ kind: 'answered', status })
  expect(receiver.requests).toHaveLength(1)
  expect(elsewhere.accepted).toBe(0)
})

test('what a receiver wants to be remembered is not: cookies, upgrades, other services', async () => {
  const headers = {
    'Set-Cookie': 'session=1; Path=/',
    'Alt-Svc': 'h3=":443"; ma=86400',
    'Strict-Transport-Security': 'max-age=60',
    'WWW-Authenticate': 'Basic realm="x"',
  }
  const receiver = await aReceiver({ onRequest: (socket) => socket.write(anAnswer('', 401, headers)) })
  const client = aClient()
  await send(client, at(receiver))
  await send(client, at(receiver))
  const [first, second] = receiver.requests
  expect(second).toBe(first)
  expect(second).not.toMatch(/cookie|authorization|upgrade/i)
})

test.each(['gzip', 'deflate', 'br', 'zstd'])('a body said to be %s is kept as it was sent', async (encoding) => {
  const packed = gzipSync(Buffer.alloc(1_000_000))
  const receiver = await aReceiver({
    onRequest: (socket) => {
      socket.write(anAnswer('', 200, { 'Content-Encoding': encoding, 'Content-Length': String(packed.length) }))
      socket.write(packed)
    },
  })
  const result = await send(aClient(), at(receiver))
  expect(result).toMatchObject({ kind: 'answered', truncated: false })
  expect(result.kind === 'answered' && result.body.equals(packed)).toBe(true)
})

describe('an address that is denied', () => {
  test('gives the same result whether anybody listens there or not', async () => {
    const receiver = await aReceiver()
    const closed = await RawReceiver.start({})
    await closed.stop()
    const names = await FakeNameServer.start({ 'inside.example.com': { addresses: ['127.0.0.1'] } })
    cleanups.push(() => names.stop())
    const client = aClient({ servers: [names.address], allowedCidrs: ['127.1.0.0/16'] })
    for (const host of ['127.0.0.1', 'inside.example.com']) {
      const results = [await send(client, at(receiver, host)), await send(client, at(closed, host))]
      const [present, absent] = results.map((result) => ({ ...result, durationMs: 0 }))
      expect(present).toMatchObject({ kind: 'failed', reason: 'address_denied', phase: 'resolve' })
      expect(present).toEqual(absent)
      // Neither was waited for: a listener answers within a millisecond, a silent host not before the deadline.
      for (const { durationMs } of results) expect(durationMs).toBeLessThan(500)
    }
    expect(receiver.accepted).toBe(0)
  })
})
