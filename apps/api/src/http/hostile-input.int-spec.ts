import { once } from 'node:events'
import type { Server } from 'node:http'
import { type Socket, connect } from 'node:net'
import { gzipSync } from 'node:zlib'
import { afterAll, beforeAll, describe, expect, inject, it, vi } from 'vitest'
import { HTTP_LIMITS } from './http-limits.js'
import { TestApi } from './test-api.testing.js'

let api: TestApi

beforeAll(async () => {
  api = await TestApi.start({ kafkaBrokers: inject('kafkaBrokers'), databaseUrl: inject('databaseUrl') })
})
afterAll(() => api?.stop())

/** What a bare socket gets for these bytes, until the API closes it or has said nothing more for a moment. */
function exchange(text: string | Buffer): Promise<string> {
  return new Promise((resolve) => {
    let received = ''
    const socket = connect(api.config.port, '127.0.0.1', () => socket.write(text))
    const done = () => {
      socket.destroy()
      resolve(received)
    }
    socket.setEncoding('latin1')
    socket.on('data', (data) => {
      received += data
      socket.setTimeout(300, done)
    })
    socket.on('close', done).on('error', done)
  })
}
const statusesIn = (answer: string) => [...answer.matchAll(/^HTTP\/1\.1 (\d+)/gm)].map(([, status]) => Number(status))

const head = (method: string, path: string, headers: string[], key: string | null = api.keys.producer) =>
  `${method} ${path} HTTP/1.1\r\nHost: x\r\n${key ? `Authorization: Bearer ${key}\r\n` : ''}${headers.map((each) => `${each}\r\n`).join('')}\r\n`
const JSON_TYPE = 'Content-Type: application/json'

const anEvent = () => ({
  account_id: api.keys.accountId,
  type: 'context.updated',
  context: { id: '550e8400-e29b-41d4-a716-446655440000', name: 'n', slug: 's', updated_at: '2024-01-15T14:45:00Z' },
})

describe('a body', () => {
  it.each(['/v1/events', '/v1/events/batch', '/v1/webhooks'])(
    'of %s is not waited for where its sender has no key, or one that may not send it',
    async (path) => {
      const sized = [JSON_TYPE, 'Content-Length: 30000']
      expect(statusesIn(await exchange(head('POST', path, sized, null)))).toEqual([401])
      const { key } = await api.createKey(api.keys.accountId, ['webhooks:read'])
      expect(statusesIn(await exchange(head('POST', path, sized, key)))).toEqual([403])
    },
  )

  it('that is larger than its route takes is refused before it comes', async () => {
    for (const [path, bytes] of [
      ['/v1/events', 256 * 1024 + 1],
      ['/v1/events/batch', 8 * 1024 * 1024 + 1],
    ] as const) {
      expect(statusesIn(await exchange(head('POST', path, [JSON_TYPE, `Content-Length: ${bytes}`])))).toEqual([413])
    }
    const webhook = head('POST', '/v1/webhooks', [JSON_TYPE, 'Content-Length: 40000'], api.keys.account)
    expect(statusesIn(await exchange(webhook))).toEqual([413])
  })

  it.each(['gzip', 'deflate', 'br', 'x', 'identity, gzip'])(
    'with the coding %s is refused with 415',
    async (coding) => {
      const answer = await api.ask('POST', '/v1/events', {
        raw: gzipSync(JSON.stringify(anEvent())) as Buffer<ArrayBuffer>,
        key: api.keys.producer,
        headers: { 'content-encoding': coding },
      })
      expect(answer.status).toBe(415)
      expect(answer.headers.get('accept-encoding')).toBe('identity')
    },
  )

  it.each([
    ['1e400', 422],
    ['-1e400', 422],
    ['9'.repeat(20_000), 422],
    [`0.${'1'.repeat(20_000)}`, 422],
    ['0x10', 400],
    ['NaN', 400],
    ['"\\ud800"', 422],
    ['{"__proto__":{"is_active":true}}', 422],
    ['{"constructor":{"prototype":{"x":1}}}', 422],
  ])('with the value %.30s where a number belongs is answered %i', async (value, status) => {
    const webhook = await api.ask('POST', '/v1/webhooks', {
      body: { name: 'n', url: 'https://example.com/hook', events: ['context.updated'] },
    })
    const path = `/v1/webhooks/${webhook.body.id}/rotate-secret`
    expect((await api.ask('POST', path, { raw: `{"overlap_seconds":${value}}` })).status).toBe(status)
    expect(({} as Record<string, unknown>).x).toBeUndefined()
  })

  it('with a key twice counts as JSON.parse reads it, and with a byte order mark as without', async () => {
    const { type, ...rest } = anEvent()
    const twice = `{"type":"nonsense",${JSON.stringify({ ...rest, type }).slice(1)}`
    expect((await api.ask('POST', '/v1/events', { raw: twice, key: api.keys.producer })).status).toBe(202)
    const marked = `\ufeff${JSON.stringify(anEvent())}`
    expect((await api.ask('POST', '/v1/events', { raw: marked, key: api.keys.producer })).status).toBe(202)
  })
})

describe('a request that is not as HTTP has it', () => {
  const body = () => JSON.stringify(anEvent())
  const chunked = (chunks: string) => head('POST', '/v1/events', [JSON_TYPE, 'Transfer-Encoding: chunked']) + chunks

  it('is refused when it gives both a length and chunks, and nothing after it is read', async () => {
    const smuggled = head('GET', '/v1/me', [])
    for (const headers of [
      ['Content-Length: 4', 'Transfer-Encoding: chunked'],
      ['Transfer-Encoding: chunked', 'Content-Length: 4'],
    ]) {
      const text = head('POST', '/v1/events', [JSON_TYPE, ...headers]) + `0\r\n\r\n${smuggled}`
      expect(statusesIn(await exchange(text))).toEqual([400])
    }
  })

  it.each([
    [['Content-Length: 4', 'Content-Length: 5']],
    [['Content-Length: +4']],
    [['Content-Length: 4,4']],
    [['Content-Length : 4']],
    [['Transfer-Encoding: chunked, identity']],
    [['Transfer-Encoding: xchunked']],
    [['Transfer-Encoding: chunked', 'Transfer-Encoding: identity']],
  ])('is refused with %j', async (headers) => {
    const text = `${head('POST', '/v1/events', [JSON_TYPE, ...headers])}{}{}${head('GET', '/v1/me', [])}`
    expect(statusesIn(await exchange(text))).toEqual([400])
  })

  it.each([
    ['a chunk whose size is none', () => `zz\r\n${body()}\r\n0\r\n\r\n`],
    ['a chunk that is longer than it says', () => `5\r\n${body()}\r\n0\r\n\r\n`],
    ['a negative chunk', () => `-5\r\n${body()}\r\n0\r\n\r\n`],
    ['a chunk of more than any number', () => `${'f'.repeat(30)}\r\n${body()}\r\n0\r\n\r\n`],
  ])('is refused with %s', async (_, chunks) => {
    const statuses = statusesIn(await exchange(chunked(chunks())))
    expect(statuses[0]).toBe(400)
    expect(statuses.every((status) => status === 400)).toBe(true)
  })

  it('does not get in trailers what it does not get in headers', async () => {
    const size = Buffer.byteLength(body()).toString(16)
    const trailers = Array.from({ length: 10_000 }, (_, i) => `X-${i}: y\r\n`).join('')
    const answer = await exchange(chunked(`${size}\r\n${body()}\r\n0\r\n${trailers}\r\n`))
    expect(statusesIn(answer)).not.toContain(202)
    expect(api.running.app.getHttpServer()).toMatchObject({ listening: true })
  })

  it('is refused with 431 when it has more headers than anybody needs, whatever their size', async () => {
    const headers = (count: number) => Array.from({ length: count }, (_, i) => `X-${i}: y`)
    expect(statusesIn(await exchange(head('GET', '/v1/me', headers(10_000))))).toEqual([431])
    const few = await exchange(head('GET', '/v1/me', headers(101)))
    expect(statusesIn(few)).toEqual([431])
    expect(few).toContain('application/problem+json')
    expect(statusesIn(await exchange(head('GET', '/v1/me', headers(80))))).toEqual([200])
  })

  it.each(['CONNECT x:443', 'TRACE /v1/me', 'BREW /v1/me', 'get /v1/me', 'GET http://elsewhere/v1/me\0', 'GET'])(
    'is never taken for another with the line %j',
    async (line) => {
      const statuses = statusesIn(await exchange(`${line} HTTP/1.1\r\nHost: x\r\n\r\n`))
      expect(statuses.every((status) => status >= 400 && status < 500)).toBe(true)
    },
  )
})

describe('two thousand idle connections', () => {
  it('of two clients hold nobody up, cost little memory and are closed when they say nothing', async () => {
    const server = api.running.app.getHttpServer() as Server
    expect(server).toMatchObject({
      headersTimeout: HTTP_LIMITS.headersWithinMs,
      requestTimeout: HTTP_LIMITS.requestWithinMs,
      keepAliveTimeout: HTTP_LIMITS.idleForMs,
      timeout: HTTP_LIMITS.stalledAfterMs,
      maxConnections: HTTP_LIMITS.connections,
    })
    const before = process.memoryUsage().rss
    const sockets: Socket[] = []
    let ended = 0
    try {
      for (let i = 0; i < 2_000; i++) {
        const socket = connect({ port: api.config.port, host: '127.0.0.1', localAddress: `127.0.0.${2 + (i % 2)}` })
        socket.on('error', () => undefined).on('close', () => ended++)
        socket.resume()
        sockets.push(socket)
        // More at once than the kernel's queue holds would be connections that the API never sees.
        if (i % 100 === 99) await Promise.all(sockets.slice(-100).map((each) => once(each, 'connect')))
      }
      const askedAt = Date.now()
      expect((await api.ask('GET', '/v1/me')).status).toBe(200)
      expect(Date.now() - askedAt).toBeLessThan(1_000)
      // Both ends of each are in this process.
      expect(process.memoryUsage().rss - before).toBeLessThan(150 * 1024 * 1024)
      await vi.waitFor(() => expect(ended).toBe(2_000), { timeout: 30_000, interval: 100 })
    } finally {
      for (const socket of sockets) socket.destroy()
    }
  })
})
