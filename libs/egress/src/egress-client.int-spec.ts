import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest'
import { egressPolicy } from './address-policy.js'
import { EgressClient, type EgressClientOptions } from './egress-client.js'
import { anAuthority, aSelfSignedCertificate, type KeyAndCertificate } from './testing/certificates.js'
import { flood103 } from './testing/misbehaviours.js'
import { anAnswer, RawReceiver, type RawReceiverOptions } from './testing/raw-receiver.js'

let authority: Awaited<ReturnType<typeof anAuthority>>
let certificate: KeyAndCertificate
const cleanups: (() => Promise<void>)[] = []

beforeAll(async () => {
  authority = await anAuthority()
  certificate = await authority.issue({})
})

afterEach(async () => {
  for (const cleanup of cleanups.splice(0).reverse()) await cleanup()
})

function aClient(options: Partial<EgressClientOptions> = {}): EgressClient {
  const policy = egressPolicy({ allowedCidrs: ['127.0.0.0/8'], allowedPorts: '1-65535', allowHttp: true })
  const client = new EgressClient({ policy, extraCaPem: authority.cert, maxConnections: 50, ...options })
  cleanups.push(() => client.close())
  return client
}

interface ReceiverWishes extends RawReceiverOptions {
  /** Speaks plain TCP, whatever the client expects. */
  plain?: boolean
}

async function aReceiver({ plain = false, ...options }: ReceiverWishes = {}): Promise<RawReceiver> {
  const receiver = await RawReceiver.start({ ...(!plain && { certificate }), ...options })
  cleanups.push(() => receiver.stop())
  return receiver
}

function aRequest(port: number, changes: Partial<Parameters<EgressClient['send']>[0]> = {}) {
  const body = Buffer.from('{"id":"evt_1"}')
  return {
    url: `https://localhost:${port}/webhook?a=b`,
    headers: { 'content-type': 'application/json', 'x-test': 'yes' },
    body,
    deadlineMs: 600,
    ...changes,
  }
}

describe('an answer', () => {
  test('comes back with status, headers and body, and the request arrived as given', async () => {
    const answer = anAnswer('thanks', 202, { 'X-One': '1', 'Set-Cookie': 'a=b' })
    const receiver = await aReceiver({ onRequest: (socket) => socket.write(answer) })
    const result = await aClient().send(aRequest(receiver.port))
    expect(result).toMatchObject({
      kind: 'answered',
      status: 202,
      headers: { 'x-one': '1', 'set-cookie': 'a=b' },
      truncated: false,
      reusedConnection: false,
    })
    expect(result.kind === 'answered' && result.body.toString()).toBe('thanks')
    const [request = ''] = receiver.requests
    expect(request).toMatch(/^POST \/webhook\?a=b HTTP\/1\.1\r\n/)
    expect(request).toContain(`host: localhost:${receiver.port}\r\n`)
    expect(request).toContain('x-test: yes\r\n')
    expect(request).toMatch(/\r\n\r\n\{"id":"evt_1"\}$/)
    expect(request).not.toMatch(/accept-encoding|cookie|user-agent/i)
  })

  test('of an address literal is verified against that address', async () => {
    const receiver = await aReceiver({ onRequest: (socket) => socket.write(anAnswer()) })
    const url = `https://127.0.0.1:${receiver.port}/`
    expect(await aClient().send(aRequest(receiver.port, { url }))).toMatchObject({ kind: 'answered', status: 200 })
  })

  test('over plain HTTP works where the policy allows it', async () => {
    const receiver = await aReceiver({ plain: true, onRequest: (socket) => socket.write(anAnswer()) })
    const url = `http://localhost:${receiver.port}/`
    expect(await aClient().send(aRequest(receiver.port, { url }))).toMatchObject({ kind: 'answered', status: 200 })
  })

  test('that is a redirect is not followed', async () => {
    const receiver = await aReceiver({
      onRequest: (socket) => socket.write(anAnswer('', 302, { Location: `https://localhost:${receiver.port}/other` })),
    })
    expect(await aClient().send(aRequest(receiver.port))).toMatchObject({ kind: 'answered', status: 302 })
    expect(receiver.requests).toHaveLength(1)
  })

  test('without a body is an answer', async () => {
    const receiver = await aReceiver({ onRequest: (socket) => socket.write('HTTP/1.1 204 None\r\n\r\n') })
    const result = await aClient().send(aRequest(receiver.port))
    expect(result).toMatchObject({ kind: 'answered', status: 204, truncated: false })
    expect(result.kind === 'answered' && result.body).toHaveLength(0)
  })

  test('that ends with the connection is an answer', async () => {
    const receiver = await aReceiver({ onRequest: (socket) => socket.end('HTTP/1.1 200 OK\r\n\r\nbye') })
    const result = await aClient().send(aRequest(receiver.port))
    expect(result.kind === 'answered' && result.body.toString()).toBe('bye')
  })
})

describe('a long body', () => {
  const kilobyte = 'x'.repeat(1_024)

  test('of exactly 16 KiB is kept whole', async () => {
    const receiver = await aReceiver({ onRequest: (socket) => socket.write(anAnswer(kilobyte.repeat(16))) })
    const result = await aClient().send(aRequest(receiver.port))
    expect(result).toMatchObject({ kind: 'answered', truncated: false })
    expect(result.kind === 'answered' && result.body).toHaveLength(16_384)
  })

  test('that is a little longer is cut, and the connection is used again', async () => {
    const receiver = await aReceiver({ onRequest: (socket) => socket.write(anAnswer(kilobyte.repeat(60))) })
    const client = aClient()
    const result = await client.send(aRequest(receiver.port))
    expect(result).toMatchObject({ kind: 'answered', status: 200, truncated: true })
    expect(result.kind === 'answered' && result.body).toHaveLength(16_384)
    expect(await client.send(aRequest(receiver.port))).toMatchObject({ kind: 'answered', reusedConnection: true })
  })

  test('that is announced as huge is cut and its connection closed', async () => {
    const receiver = await aReceiver({ onRequest: (socket) => socket.write(anAnswer(kilobyte.repeat(10_000))) })
    const result = await aClient().send(aRequest(receiver.port))
    expect(result).toMatchObject({ kind: 'answered', status: 200, truncated: true })
    await expect.poll(() => receiver.open.size).toBe(0)
  })

  test('without end is cut and its connection closed', async () => {
    const receiver = await aReceiver({
      onRequest: (socket) => {
        socket.write('HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n')
        const pump = () => {
          while (!socket.destroyed && socket.write(`400\r\n${kilobyte}\r\n`));
          if (!socket.destroyed) socket.once('drain', pump)
        }
        pump()
      },
    })
    const result = await aClient().send(aRequest(receiver.port))
    expect(result).toMatchObject({ kind: 'answered', status: 200, truncated: true })
    expect(result.kind === 'answered' && result.body).toHaveLength(16_384)
    await expect.poll(() => receiver.open.size).toBe(0)
  })

  test('that stalls after its first 16 KiB still counts at the deadline', async () => {
    const receiver = await aReceiver({
      onRequest: (socket) => socket.write(anAnswer(kilobyte.repeat(20), 200, { 'Content-Length': '40000' })),
    })
    const result = await aClient().send(aRequest(receiver.port))
    expect(result).toMatchObject({ kind: 'answered', status: 200, truncated: true })
  })
})

describe('a connection', () => {
  test('is used again after a quiet time', async () => {
    const receiver = await aReceiver({ onRequest: (socket) => socket.write(anAnswer()) })
    const client = aClient()
    await client.send(aRequest(receiver.port))
    // The quiet itself is what is tested: longer than undici's own 4 s.
    await new Promise((resolve) => setTimeout(resolve, 4_500))
    expect(await client.send(aRequest(receiver.port))).toMatchObject({ kind: 'answered', reusedConnection: true })
    expect(receiver.accepted).toBe(1)
  })

  test('is closed when it was idle for the keep-alive time', async () => {
    const receiver = await aReceiver({ onRequest: (socket) => socket.write(anAnswer()) })
    const client = aClient({ keepAliveMs: 100 })
    await client.send(aRequest(receiver.port))
    expect(receiver.open.size).toBe(1)
    await expect.poll(() => receiver.open.size).toBe(0)
    expect(client.connections).toEqual({ inUse: 0, idle: 0 })
  })

  test('is not kept when the receiver says close', async () => {
    const receiver = await aReceiver({
      onRequest: (socket) => socket.write(anAnswer('OK', 200, { Connection: 'close' })),
    })
    const client = aClient()
    await client.send(aRequest(receiver.port))
    expect(await client.send(aRequest(receiver.port))).toMatchObject({ kind: 'answered', reusedConnection: false })
  })

  test('that is opened anew resumes the TLS session', async () => {
    const receiver = await aReceiver({
      onRequest: (socket) => socket.write(anAnswer('OK', 200, { Connection: 'close' })),
    })
    const client = aClient()
    await client.send(aRequest(receiver.port))
    await client.send(aRequest(receiver.port))
    expect(receiver.resumed).toEqual([false, true])
  })

  test('of a receiver that hangs up costs its neighbours none of those that wait', async () => {
    // Answers, but resets the connection when it is asked at /hangs-up.
    const receiver = await aReceiver({
      plain: true,
      onRequest: (socket, request) => {
        if (request.includes('/hangs-up')) socket.resetAndDestroy()
        else socket.write(anAnswer())
      },
    })
    const client = aClient()
    const origin = `http://localhost:${receiver.port}`
    await client.send(aRequest(receiver.port, { url: `${origin}/` }))
    const url = `${origin}/hangs-up`
    const result = await client.send(aRequest(receiver.port, { url, onNewConnection: true }))
    expect(result).toMatchObject({ kind: 'failed', reason: 'connection_lost' })
    expect(receiver.requests.filter((request) => request.includes('/hangs-up'))).toHaveLength(1)
    expect(await client.send(aRequest(receiver.port, { url: `${origin}/` }))).toMatchObject({
      kind: 'answered',
      reusedConnection: true,
    })
    expect(receiver.accepted).toBe(2)
  })

  test('lost while idle is replaced within the attempt', async () => {
    // Answers once on each connection, and resets it when another request comes.
    const receiver = await aReceiver({
      onRequest: (socket, _request, count) => {
        if (count === 2) [...receiver.open].forEach((each) => each.resetAndDestroy())
        else socket.write(anAnswer())
      },
    })
    const client = aClient()
    await client.send(aRequest(receiver.port))
    const result = await client.send(aRequest(receiver.port))
    expect(result).toMatchObject({ kind: 'answered', status: 200, reusedConnection: false })
    expect(receiver.requests).toHaveLength(3)
    expect(receiver.accepted).toBe(2)
  })

  test('lost twice is a failure: the repeat is not repeated', async () => {
    const receiver = await aReceiver({
      onRequest: (socket, _request, count) => {
        if (count > 1) [...receiver.open].forEach((each) => each.resetAndDestroy())
        else socket.write(anAnswer())
      },
    })
    const client = aClient()
    await client.send(aRequest(receiver.port))
    expect(await client.send(aRequest(receiver.port))).toMatchObject({ kind: 'failed', reason: 'connection_lost' })
    expect(receiver.requests).toHaveLength(3)
  })

  test('lost after the first byte of an answer is a failure, also when it was reused', async () => {
    const receiver = await aReceiver({
      onRequest: (socket, _request, count) => {
        if (count === 1) socket.write(anAnswer())
        else socket.write('HTTP/1.1 2', () => setImmediate(() => socket.destroy()))
      },
    })
    const client = aClient()
    await client.send(aRequest(receiver.port))
    expect(await client.send(aRequest(receiver.port))).toMatchObject({ kind: 'failed', reason: 'connection_lost' })
    expect(receiver.requests).toHaveLength(2)
  })

  test('idle for longest gives way when too many are idle', async () => {
    const receivers = await Promise.all(
      [1, 2, 3].map(() => aReceiver({ onRequest: (socket) => socket.write(anAnswer()) })),
    )
    const client = aClient({ maxIdle: 2 })
    for (const receiver of receivers) await client.send(aRequest(receiver.port))
    expect(client.connections.idle).toBe(2)
    await expect.poll(() => receivers.map((receiver) => receiver.open.size)).toEqual([0, 1, 1])
  })

  test('each carries one request at a time', async () => {
    const receiver = await aReceiver({ onRequest: (socket) => setTimeout(() => socket.write(anAnswer()), 50) })
    const client = aClient()
    await Promise.all(Array.from({ length: 8 }, () => client.send(aRequest(receiver.port))))
    expect(receiver.accepted).toBe(8)
    expect(client.connections).toEqual({ inUse: 0, idle: 8 })
  })
})

describe('a certificate', () => {
  test.each([
    ['self-signed', 'tls_untrusted', () => aSelfSignedCertificate(), /self[- ]signed/i],
    ['expired', 'tls_expired', () => authority.issue({ notAfter: new Date(Date.now() - 60_000) }), /CERT_HAS_EXPIRED/],
    [
      'of another name',
      'tls_wrong_host',
      () => authority.issue({ names: ['example.com'], addresses: [] }),
      /ALTNAME_INVALID/,
    ],
    ['of another authority', 'tls_untrusted', async () => (await anAuthority()).issue({}), /signature|issuer|verify/i],
  ])('that is %s is refused before anything is sent', async (_case, reason, issue, detail) => {
    const receiver = await aReceiver({ certificate: await issue(), onRequest: (socket) => socket.write(anAnswer()) })
    const result = await aClient().send(aRequest(receiver.port))
    expect(result).toMatchObject({ kind: 'failed', reason, phase: 'tls', detail: expect.stringMatching(detail) })
    expect(receiver.requests).toEqual([])
    await expect.poll(() => receiver.open.size).toBe(0)
  })

  test('is checked again after a session was resumed for another name', async () => {
    const receiver = await aReceiver({
      certificate: await authority.issue({ names: ['localhost'], addresses: [] }),
      onRequest: (socket) => socket.write(anAnswer('OK', 200, { Connection: 'close' })),
    })
    const client = aClient()
    expect(await client.send(aRequest(receiver.port))).toMatchObject({ kind: 'answered' })
    const url = `https://other.localhost:${receiver.port}/`
    expect(await client.send(aRequest(receiver.port, { url }))).toMatchObject({
      kind: 'failed',
      reason: 'tls_wrong_host',
    })
  })
})

describe('what a broken receiver does is a failure', () => {
  test('it refuses the connection', async () => {
    const receiver = await aReceiver()
    await receiver.stop()
    cleanups.pop()
    expect(await aClient().send(aRequest(receiver.port))).toMatchObject({
      kind: 'failed',
      reason: 'connect',
      phase: 'connect',
      detail: expect.stringContaining('ECONNREFUSED'),
    })
  })

  test.each([
    [
      'resets in the handshake',
      'tls',
      { plain: true, onTcp: (socket) => socket.once('data', () => socket.resetAndDestroy()) },
    ],
    ['closes before it answers', 'connection_lost', { onRequest: (socket) => socket.destroy() }],
    [
      'closes within the body',
      'connection_lost',
      { onRequest: (socket) => socket.end(anAnswer('half', 200, { 'Content-Length': '100' })) },
    ],
    ['answers something else than HTTP', 'protocol', { onRequest: (socket) => socket.write('220 mail ready\r\n') }],
    [
      'sends too many headers',
      'protocol',
      { onRequest: (socket) => socket.write(anAnswer('', 200, { 'X-Big': 'x'.repeat(20_000) })) },
    ],
    [
      'switches protocols unasked',
      'protocol',
      { onRequest: (socket) => socket.write('HTTP/1.1 101 Switching\r\nUpgrade: x\r\nConnection: Upgrade\r\n\r\n') },
    ],
    ['floods with 103', 'protocol', { onRequest: flood103 }],
    ['speaks no TLS', 'tls', { plain: true, onTcp: (socket) => socket.end('HTTP/1.1 400 Bad\r\n\r\n') }],
  ] satisfies [string, string, ReceiverWishes][])('it %s', async (_case, reason, options) => {
    const receiver = await aReceiver(options)
    expect(await aClient().send(aRequest(receiver.port))).toMatchObject({ kind: 'failed', reason })
    await expect.poll(() => receiver.open.size).toBe(0)
  })
})

describe('the client itself', () => {
  test('rejects a header that HTTP does not allow, and never sends it', async () => {
    const receiver = await aReceiver({ onRequest: (socket) => socket.write(anAnswer()) })
    const headers = { 'x-test': 'a\r\nx-injected: b' }
    await expect(aClient().send(aRequest(receiver.port, { headers }))).rejects.toThrow(/x-test/)
    expect(receiver.requests).toEqual([])
  })

  test('finishes what is under way before it closes, and takes nothing after', async () => {
    const receiver = await aReceiver({ onRequest: (socket) => setTimeout(() => socket.write(anAnswer()), 100) })
    const client = aClient()
    await client.send(aRequest(receiver.port))
    const under = client.send(aRequest(receiver.port))
    const closing = client.close()
    await expect(client.send(aRequest(receiver.port))).rejects.toThrow(/closed/)
    await closing
    expect(await under).toMatchObject({ kind: 'answered', status: 200 })
    await expect.poll(() => receiver.open.size).toBe(0)
  })

  test('refuses to start with authorities that are not PEM', () => {
    expect(() => aClient({ extraCaPem: 'not a certificate' })).toThrow(/holds no certificate in PEM form/)
  })
})

afterAll(() => expect(cleanups).toEqual([]))
