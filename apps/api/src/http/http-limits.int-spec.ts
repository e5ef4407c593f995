import 'reflect-metadata'
import type { Server } from 'node:http'
import { type AddressInfo, type Socket, connect } from 'node:net'
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import type { FastifyInstance } from 'fastify'
import { createRegistry } from '#telemetry'
import { createHttpAdapter } from './http-adapter.js'
import { HTTP_LIMITS } from './http-limits.js'
import { limitConnections } from './limit-connections.js'
import { UnreadBody } from './unread-body.js'

const LIMITS = {
  ...HTTP_LIMITS,
  headersWithinMs: 400,
  requestWithinMs: 800,
  checkEveryMs: 50,
  stalledAfterMs: 500,
  idleForMs: 300,
  bodyBytes: 1_000,
  connections: 30,
  connectionsPerClient: 20,
}
/** What a limit, the interval of looking at it and a busy machine may take together. */
const SOON_MS = 5_000

/** The HTTP side alone, with limits that a test can wait for. */
let instance: FastifyInstance
let port: number
let registry: ReturnType<typeof createRegistry>
const open: Socket[] = []

async function listen(trustedProxies: string[] = [], limits = LIMITS): Promise<void> {
  instance = createHttpAdapter(trustedProxies, limits).getInstance<FastifyInstance>()
  registry = createRegistry('api')
  limitConnections(instance.server as Server, limits, trustedProxies, registry)
  instance.post('/echo', async (request) => ({
    length: request.body instanceof UnreadBody ? (await request.body.read()).length : 0,
  }))
  instance.get('/large', () => 'x'.repeat(64 * 1024 * 1024))
  await instance.listen({ port: 0, host: '127.0.0.1' })
  port = (instance.server.address() as AddressInfo).port
}

beforeEach(() => listen())
afterEach(async () => {
  for (const socket of open.splice(0)) socket.destroy()
  ;(instance.server as Server).closeAllConnections()
  await instance.close()
})

interface Client {
  socket: Socket
  received: () => string
  closedAfterMs: Promise<number>
}

/** A connection, from an address of this machine's own network. */
function client(localAddress = '127.0.0.1'): Promise<Client> {
  return new Promise((resolve) => {
    const startedAt = Date.now()
    let text = ''
    const socket = connect({ port, host: '127.0.0.1', localAddress, allowHalfOpen: true })
    open.push(socket)
    socket.setEncoding('utf8')
    socket.on('data', (data) => (text += data))
    socket.on('error', () => undefined)
    const closedAfterMs = new Promise<number>((closed) => {
      const end = () => closed(Date.now() - startedAt)
      socket.once('end', end).once('close', end)
    })
    socket.once('connect', () => resolve({ socket, received: () => text, closedAfterMs }))
    socket.once('close', () => resolve({ socket, received: () => text, closedAfterMs }))
  })
}

/** Sends a piece again and again, far more often than any limit, until the connection ends. */
function drip(socket: Socket, piece: () => string): void {
  const timer = setInterval(() => socket.write(piece()), 20)
  socket.once('close', () => clearInterval(timer)).once('end', () => clearInterval(timer))
}

const GET = 'GET /nothing HTTP/1.1\r\nHost: x\r\n\r\n'
const POST = 'POST /echo HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n'
/** Whether a request on a connection of its own is answered rather than refused. */
async function isServed(localAddress: string): Promise<boolean> {
  const { socket, received, closedAfterMs } = await client(localAddress)
  socket.write(GET.replace('\r\n\r\n', '\r\nConnection: close\r\n\r\n'))
  await closedAfterMs
  return received().includes(' 404 ')
}
const becomesServed = (localAddress: string) =>
  vi.waitFor(async () => expect(await isServed(localAddress)).toBe(true), { timeout: SOON_MS, interval: 10 })
const refusedConnections = async () => {
  const { values } = await registry.getSingleMetric('webhooks_api_connections_refused_total')!.get()
  return Object.fromEntries(values.map(({ labels, value }) => [labels.reason, value]))
}

describe('a client that takes its time', () => {
  it('is closed when it connects and says nothing', async () => {
    const { closedAfterMs } = await client()
    expect(await closedAfterMs).toBeLessThan(SOON_MS)
  })

  it('is answered 408 and closed when its headers drip', async () => {
    const { socket, received, closedAfterMs } = await client()
    socket.write('GET / HTTP/1.1\r\n')
    drip(socket, () => 'X: y\r\n')
    expect(await closedAfterMs).toBeLessThan(SOON_MS)
    expect(received()).toContain('HTTP/1.1 408 ')
  })

  it('is closed when its body drips, however often a byte comes', async () => {
    const { socket, closedAfterMs } = await client()
    socket.write(`${POST}Content-Length: 900\r\n\r\n`)
    drip(socket, () => 'x')
    const took = await closedAfterMs
    expect(took).toBeGreaterThanOrEqual(LIMITS.headersWithinMs)
    expect(took).toBeLessThan(SOON_MS)
  })

  it('is closed when its body is refused and yet never ends', async () => {
    const { socket, received, closedAfterMs } = await client()
    socket.write(`${POST}Transfer-Encoding: chunked\r\n\r\n`)
    drip(socket, () => `400\r\n${'x'.repeat(0x400)}\r\n`)
    expect(await closedAfterMs).toBeLessThan(SOON_MS)
    expect(received()).toContain('HTTP/1.1 413 ')
  })

  it('is closed when it vanishes in the middle of a request or ends its side', async () => {
    const { socket, received, closedAfterMs } = await client()
    socket.end(`${POST}Content-Length: 10\r\n\r\n{`)
    expect(await closedAfterMs).toBeLessThan(SOON_MS)
    expect(received()).not.toContain(' 200 ')
  })

  it('is closed when it does not read its answer', async () => {
    const { socket, closedAfterMs } = await client()
    socket.pause()
    socket.write('GET /large HTTP/1.1\r\nHost: x\r\n\r\n')
    const server = instance.server as Server
    const connections = () => new Promise<number>((resolve) => server.getConnections((_, count) => resolve(count)))
    await vi.waitFor(async () => expect(await connections()).toBe(0), { timeout: SOON_MS })
    socket.resume()
    await closedAfterMs
  })

  it('gets its answer when it ended its own side after a whole request', async () => {
    const { socket, received, closedAfterMs } = await client()
    socket.end(`${POST}Content-Length: 2\r\n\r\n{}`)
    await closedAfterMs
    expect(received()).toContain('{"length":2}')
  })

  it('is closed when it is idle after an answer', async () => {
    const { socket, received, closedAfterMs } = await client()
    socket.write(GET)
    expect(await closedAfterMs).toBeLessThan(SOON_MS)
    expect(received()).toContain(' 404 ')
  })
})

describe('many connections', () => {
  it('of one client do not take the places of others', async () => {
    const held = await Promise.all(Array.from({ length: 40 }, () => client('127.0.0.2')))
    await vi.waitFor(async () => expect(await refusedConnections()).toMatchObject({ client: 20 }))
    expect(await isServed('127.0.0.3')).toBe(true)
    // And it may come again once it has let go of some.
    for (const { socket } of held) socket.destroy()
    await becomesServed('127.0.0.2')
  })

  it('of many clients that wait in vain make room for one who asks', async () => {
    await instance.close()
    await listen([], { ...LIMITS, idleForMs: 60_000 })
    const held = await Promise.all(Array.from({ length: 30 }, (_, i) => client(`127.0.1.${i + 1}`)))
    for (const { socket } of held) socket.write(GET)
    await vi.waitFor(() => expect(held.every(({ received }) => received().includes(' 404 '))).toBe(true), SOON_MS)
    await becomesServed('127.0.0.3')
  })

  it('of a trusted proxy are not counted as one client', async () => {
    await instance.close()
    await listen(['127.0.0.0/8'])
    const held = await Promise.all(Array.from({ length: 25 }, () => client('127.0.0.2')))
    expect(await isServed('127.0.0.2')).toBe(true)
    expect(held).toHaveLength(25)
    expect((await refusedConnections()).client).toBe(0)
  })
})
