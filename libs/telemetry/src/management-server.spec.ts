import { once } from 'node:events'
import { connect } from 'node:net'
import { afterEach, expect, test } from 'vitest'
import { type HealthChecks, ManagementServer } from './management-server.js'
import { Counter, createRegistry, Gauge, Registry } from './metrics.js'

const servers: ManagementServer[] = []

afterEach(async () => {
  await Promise.all(servers.splice(0).map((server) => server.close()))
})

async function aServer(checks: Partial<HealthChecks> = {}, registry = new Registry()): Promise<ManagementServer> {
  const well = () => null
  const server = new ManagementServer(registry, { live: well, ready: well, started: well, ...checks })
  servers.push(server)
  await server.listen(0)
  return server
}

const get = (server: ManagementServer, path: string) => fetch(`http://127.0.0.1:${server.port}${path}`)

test.each(['live', 'ready', 'started'] as const)('/health/%s answers for its own check alone', async (name) => {
  const server = await aServer({ [name]: () => 'the broker is away' })
  const wrong = await get(server, `/health/${name}`)
  expect(wrong.status).toBe(503)
  expect(await wrong.json()).toEqual({ status: 'error', detail: 'the broker is away' })
  for (const other of ['live', 'ready', 'started'].filter((each) => each !== name)) {
    const well = await get(server, `/health/${other}`)
    expect(well.status).toBe(200)
    expect(await well.json()).toEqual({ status: 'ok' })
  }
})

test('a check is asked anew each time', async () => {
  let problem: string | null = 'starting'
  const server = await aServer({ started: () => problem })
  expect((await get(server, '/health/started')).status).toBe(503)
  problem = null
  expect((await get(server, '/health/started')).status).toBe(200)
})

test('/metrics names the service on every figure, the process’s own included', async () => {
  const registry = createRegistry('api')
  new Counter({ name: 'webhooks_events_accepted_total', help: 'Accepted.', registers: [registry] }).inc(3)
  const answer = await get(await aServer({}, registry), '/metrics')
  const text = await answer.text()
  expect(answer.headers.get('content-type')).toMatch(/^text\/plain; version=0\.0\.4/)
  expect(text).toContain('webhooks_events_accepted_total{service="api"} 3')
  expect(text).toMatch(/process_cpu_seconds_total\{service="api"\} /)
})

test.each(['/', '/health', '/health/', '/health/constructor', '/metrics/x', '/health/live/x'])(
  '%s is not found',
  async (path) => {
    expect((await get(await aServer(), path)).status).toBe(404)
  },
)

test('a figure that cannot be collected is told as a failure, and the server goes on', async () => {
  const registry = new Registry()
  const collect = () => {
    throw new Error('no figure')
  }
  new Gauge({ name: 'broken', help: 'Broken.', registers: [registry], collect })
  const server = await aServer({}, registry)
  expect((await get(server, '/metrics')).status).toBe(500)
  expect((await get(server, '/health/live')).status).toBe(200)
})

test('a port that is taken is a failure of the start', async () => {
  const { port } = await aServer()
  const second = new ManagementServer(new Registry(), { live: () => null, ready: () => null, started: () => null })
  await expect(second.listen(port)).rejects.toThrow(/EADDRINUSE/)
})

test('closes although a client is in the middle of a request', async () => {
  const server = await aServer()
  const { port } = server
  const client = connect(port, '127.0.0.1').on('error', () => {})
  client.write('GET /health/live HTTP/1.1\r\n')
  await once(client, 'connect')
  // Its answer shows that the server has taken the connection before, and so both are open now.
  await get(server, '/health/live')
  const closed = new Promise((resolve) => client.once('close', resolve))
  await server.close()
  await closed
  await expect(fetch(`http://127.0.0.1:${port}/health/live`)).rejects.toThrow()
})
