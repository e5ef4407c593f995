import { type AddressInfo, type Server, type Socket, createServer } from 'node:net'
import { afterEach, beforeEach, describe, expect, inject, it, vi } from 'vitest'
import { KafkaConnection } from '#kafka'
import { runAdmin } from './admin.js'
import { kafkaAnswers } from './kafka-answers.js'

/** A server that is frozen: its machine takes connections, and nobody answers. Or one that has gone. */
async function aServer(kind: 'frozen' | 'gone') {
  const sockets = new Set<Socket>()
  const server: Server = createServer((socket) => {
    sockets.add(socket.on('error', () => undefined).on('close', () => sockets.delete(socket)))
    socket.resume()
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const address = `127.0.0.1:${(server.address() as AddressInfo).port}`
  const close = () => {
    for (const socket of sockets) socket.destroy()
    return new Promise<void>((resolve) => server.close(() => resolve()))
  }
  if (kind === 'gone') await close()
  return { address, close, connected: () => sockets.size }
}

/** What the command says on standard error, and after how long. Ms. */
async function failure(...args: string[]): Promise<{ err: string; tookMs: number }> {
  let err = ''
  const spy = vi.spyOn(process.stderr, 'write').mockImplementation((text) => ((err += String(text)), true))
  const begun = Date.now()
  try {
    await runAdmin(args)
    expect(process.exitCode).toBe(1)
    return { err, tookMs: Date.now() - begun }
  } finally {
    process.exitCode = 0
    spy.mockRestore()
  }
}

describe.each(['frozen', 'gone'] as const)('with a server that is %s, a command', (kind) => {
  let server: Awaited<ReturnType<typeof aServer>>
  beforeEach(async () => {
    server = await aServer(kind)
    vi.stubEnv('DATABASE_URL', inject('databaseUrl'))
  })
  afterEach(async () => {
    vi.unstubAllEnvs()
    await server.close()
  })

  it.each([['create-topics'], ['dead-letters list'], ['audit --since 1h']])(
    'says that Kafka does not answer, and what to check: %s',
    async (command) => {
      vi.stubEnv('KAFKA_BROKERS', server.address)

      const { err, tookMs } = await failure(...command.split(' '))

      expect(err).toMatch(new RegExp(`^Kafka at ${server.address} does not answer: .*KAFKA_BROKERS`))
      if (kind === 'gone') expect(err).toContain('ECONNREFUSED')
      expect(tookMs).toBeLessThan(11_000)
    },
  )

  it.each([['accounts list'], ['migrate'], ['secrets keys']])(
    'says that Postgres does not answer, without its password: %s',
    async (command) => {
      vi.stubEnv('DATABASE_URL', `postgres://someone:hidden@${server.address}/webhooks`)
      vi.stubEnv('SECRETS_KEY', Buffer.alloc(32, 1).toString('base64'))

      const { err, tookMs } = await failure(...command.split(' '))

      expect(err).toMatch(new RegExp(`^Postgres at ${server.address} does not answer: .*DATABASE_URL`))
      expect(err).not.toMatch(/someone|hidden/)
      expect(tookMs).toBeLessThan(11_000)
    },
  )
})

it('needs one broker that answers, and waits for no other', async () => {
  const server = await aServer('frozen')
  const settings = { brokers: [server.address, inject('kafkaBrokers')], clientId: 'test' }
  const begun = Date.now()

  await kafkaAnswers(new KafkaConnection(settings, SILENT))

  expect(Date.now() - begun).toBeLessThan(3_000)
  await vi.waitFor(() => expect(server.connected()).toBe(0))
  await server.close()
})

const ignore = () => undefined
const SILENT = { debug: ignore, info: ignore, warn: ignore, error: ignore }
