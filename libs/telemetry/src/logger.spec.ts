import { expect, test } from 'vitest'
import { createLogger, type Logger } from './logger.js'
import { NestLogger } from './nest-logger.js'

const SECRET = 'whsec_MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY='

/** A logger and what it has written, line by line. */
function aLogger(level: 'debug' | 'info' = 'info'): { logger: Logger; lines: Record<string, unknown>[] } {
  const lines: Record<string, unknown>[] = []
  const logger = createLogger({ service: 'api', level }, { write: (line) => lines.push(JSON.parse(line)) })
  return { logger, lines }
}

test('a line is JSON with the service, the level as a word and the time as people read it', () => {
  const { logger, lines } = aLogger()
  logger.info({ eventId: 'evt_1', accepted: 3 }, 'event.accept')
  expect(lines).toEqual([
    {
      level: 'info',
      time: expect.stringMatching(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/),
      service: 'api',
      eventId: 'evt_1',
      accepted: 3,
      msg: 'event.accept',
    },
  ])
})

test('detail is left out unless it was asked for', () => {
  for (const [level, written] of [
    ['info', 0],
    ['debug', 1],
  ] as const) {
    const { logger, lines } = aLogger(level)
    logger.debug({}, 'detail')
    expect(lines).toHaveLength(written)
  }
})

test.each(['secret', 'secrets', 'authorization', 'password', 'apiKey', 'secretsKey', 'databaseUrl', 'smtpUrl', 'key'])(
  'a field named %s is unprintable, at the top and inside other objects',
  (name) => {
    const { logger, lines } = aLogger('debug')
    logger.info({ [name]: SECRET }, 'at the top')
    logger.info({ webhook: { id: 'whk_1', [name]: SECRET } }, 'inside')
    logger.info({ request: { headers: { [name]: SECRET } } }, 'deeper')
    logger.info({ [name]: [SECRET, { sealed: SECRET }] }, 'as a list')
    logger.error({ err: Object.assign(new Error('failed'), { [name]: SECRET }) }, 'on an error')
    logger.child({ [name]: SECRET }).info({}, 'bound to a child')
    expect(lines).toHaveLength(6)
    for (const line of lines) {
      expect(JSON.stringify(line), String(line.msg)).not.toContain(SECRET)
      expect(JSON.stringify(line), String(line.msg)).toContain('[redacted]')
    }
    expect(lines[1]).toMatchObject({ webhook: { id: 'whk_1' } })
  },
)

test("the framework's words about its start are detail, what it warns of and what fails is not", () => {
  const { logger, lines } = aLogger()
  const nest = new NestLogger(logger)
  nest.log('starting', 'NestFactory')
  nest.verbose()
  nest.warn('deprecated', 'Router')
  nest.error(new Error('cannot resolve'), 'stack', 'Injector')
  nest.fatal('cannot go on')
  expect(lines.map(({ level, msg, context }) => [level, msg, context])).toEqual([
    ['warn', 'deprecated', 'Router'],
    ['error', 'Error: cannot resolve', 'Injector'],
    ['error', 'cannot go on', undefined],
  ])
  expect(lines[1]).toMatchObject({ err: { message: 'cannot resolve' } })
})
