import { createServer } from 'node:net'
import { Agent, request } from 'node:http'
import { afterAll, beforeAll, describe, expect, inject, it } from 'vitest'
import { Registry } from '#telemetry'
import { keptLog } from './http/kept-log.testing.js'
import { TestApi } from './http/test-api.testing.js'
import { startApi } from './start-api.js'

let api: TestApi

beforeAll(async () => {
  api = await TestApi.start({ kafkaBrokers: inject('kafkaBrokers'), databaseUrl: inject('databaseUrl') })
})

afterAll(() => api?.stop())

const logger = keptLog()

/** A port that is taken until the work is done. */
async function withTakenPort<T>(work: (port: number) => Promise<T>): Promise<T> {
  const server = createServer()
  await new Promise<void>((resolve) => server.listen(0, () => resolve()))
  const { port } = server.address() as { port: number }
  try {
    return await work(port)
  } finally {
    server.close()
  }
}

describe('starting', () => {
  it('names the variable of a port that is in use', async () => {
    await withTakenPort(async (port) => {
      const config = { ...api.config, port, managementPort: 0 }
      await expect(startApi(config, logger)).rejects.toThrow(`Port ${port} is in use`)
      await expect(startApi(config, logger)).rejects.toThrow('API_PORT')
      await expect(startApi({ ...api.config, managementPort: port }, logger)).rejects.toThrow('MANAGEMENT_PORT')
    })
  })
})

describe('metrics', () => {
  it('show each counter before anything has happened, but for what only a request names', async () => {
    const all = await api.running.app.get(Registry).getMetricsAsJSON()
    // The type is a word here, whatever prom-client's declarations say.
    const counters = all.filter(({ type, name }) => String(type) === 'counter' && name.startsWith('webhooks_'))
    expect(counters.length).toBeGreaterThan(10)
    const unseen = counters.filter(({ values }) => values.length === 0).map(({ name }) => name)
    expect(unseen.filter((name) => name !== 'webhooks_api_requests_total')).toEqual([])
  })
})

describe('stopping', () => {
  it('answers what is under way, and lets idle connections not hold it up', async () => {
    const stopping = await TestApi.start({ kafkaBrokers: inject('kafkaBrokers'), databaseUrl: inject('databaseUrl') })
    const agent = new Agent({ keepAlive: true, maxSockets: 1 })
    const { url } = stopping.running
    const get = (path: string) =>
      new Promise<number>((resolve, reject) => {
        const headers = { authorization: `Bearer ${stopping.keys.account}` }
        request(url + path, { agent, headers }, (response) => {
          response.resume()
          response.on('end', () => resolve(response.statusCode ?? 0))
        })
          .on('error', reject)
          .end()
      })
    expect(await get('/v1/me')).toBe(200)
    const underWay = stopping.ask('POST', '/v1/webhooks', {
      body: { name: 'w', url: 'https://example.com/', events: ['context.created'] },
    })
    // It has arrived once it is in the access of the database; its answer must not depend on how far it is.
    await stopping.ask('GET', '/v1/me')
    const stopped = stopping.stop()
    expect((await underWay).status).toBe(201)
    await stopped
    await expect(get('/v1/me')).rejects.toThrow(/ECONNREFUSED|socket hang up/)
    agent.destroy()
  }, 20_000)
})
