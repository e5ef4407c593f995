import 'reflect-metadata'
import type { Server } from 'node:http'
import { type AddressInfo, type Socket, connect } from 'node:net'
import { Controller, Get, type INestApplication, Module } from '@nestjs/common'
import { NestFactory } from '@nestjs/core'
import type { NestFastifyApplication } from '@nestjs/platform-fastify'
import type { FastifyInstance } from 'fastify'
import { afterEach, describe, expect, it } from 'vitest'
import { waitUntil } from '#local'
import { OpenConnections, closeHttp } from './close-http.js'
import { createHttpAdapter } from './http-adapter.js'

/** Far less than the limits of requests, which end with the listening. Ms. */
const CUT_OFF_AFTER_MS = 700
const FAR_OFF_MS = 10_000
/** What a busy machine may add. Ms. */
const SLACK_MS = 3_000

let answer: () => void
const isAsked = { now: false }

@Controller()
class Slow {
  @Get('slow')
  slow(): Promise<string> {
    isAsked.now = true
    return new Promise((resolve) => (answer = () => resolve('done')))
  }
}

@Module({ controllers: [Slow] })
class SlowModule {}

let app: INestApplication
let connections: OpenConnections
const open: Socket[] = []

async function start(): Promise<number> {
  isAsked.now = false
  const adapter = createHttpAdapter()
  const server = adapter.getInstance<FastifyInstance>().server as Server
  connections = new OpenConnections(server)
  app = await NestFactory.create<NestFastifyApplication>(SlowModule, adapter, { logger: false, bodyParser: false })
  await app.listen(0, '127.0.0.1')
  return (server.address() as AddressInfo).port
}

/** A connection that the server has taken. */
async function client(port: number, text = ''): Promise<{ socket: Socket; received: () => string }> {
  let all = ''
  const socket = connect({ port, host: '127.0.0.1' })
  open.push(socket)
  socket.on('data', (data) => (all += data.toString()))
  socket.on('error', () => undefined)
  await new Promise<void>((resolve) => socket.once('connect', () => resolve()))
  if (text) socket.write(text)
  return { socket, received: () => all }
}

async function closing(cutOffAfterMs: number): Promise<number> {
  const startedAt = performance.now()
  await closeHttp(app, connections, cutOffAfterMs)
  return performance.now() - startedAt
}

afterEach(() => {
  for (const socket of open.splice(0)) socket.destroy()
  connections.endAll()
})

const ask = 'GET /slow HTTP/1.1\r\nHost: x\r\n\r\n'

describe('closing', () => {
  it('waits for an answer, and for nobody who has asked nothing', async () => {
    const port = await start()
    const silent = await client(port)
    const asking = await client(port, ask)
    await waitUntil('the request has arrived', () => isAsked.now, { timeoutMs: FAR_OFF_MS })
    const closed = closing(FAR_OFF_MS)
    await new Promise<void>((resolve) => silent.socket.once('close', () => resolve()))
    expect(asking.received()).toBe('')
    answer()
    expect(await closed).toBeLessThan(FAR_OFF_MS)
    expect(asking.received()).toContain('done')
  })

  it('cuts off a request that never ends and an answer that never comes', async () => {
    const port = await start()
    const dripping = await client(port, 'GET /slow HTTP/1.1\r\nX-Endless: ')
    const timer = setInterval(() => dripping.socket.write('x'), 20)
    dripping.socket.once('close', () => clearInterval(timer))
    await client(port, ask)
    await waitUntil('the request has arrived', () => isAsked.now, { timeoutMs: FAR_OFF_MS })
    const ms = await closing(CUT_OFF_AFTER_MS)
    expect(ms).toBeGreaterThanOrEqual(CUT_OFF_AFTER_MS - 10)
    expect(ms).toBeLessThan(CUT_OFF_AFTER_MS + SLACK_MS)
  })
})
