import { afterAll, beforeAll, describe, expect, inject, it } from 'vitest'
import { TestApi } from '../apps/api/src/http/test-api.testing.js'
import { installSchemathesis, runSchemathesis } from './support/schemathesis.js'

/** The API alone: what is invented here as a webhook's URL must be called by nobody. */
let api: TestApi
let program: string
/** Something of each kind to be asked for; what is deleted is made by the run itself. */
let ids: Record<string, string>

beforeAll(async () => {
  const servers = { kafkaBrokers: inject('kafkaBrokers'), databaseUrl: inject('databaseUrl') }
  ;[api, program] = await Promise.all([TestApi.start(servers, KEPT_FOR_LONG), installSchemathesis()])
  ids = await somethingToAskFor()
})
afterAll(() => api?.stop())

// A replay may begin at any time that is invented here.
const KEPT_FOR_LONG = { EVENT_RETENTION: '36500d', DELIVERY_RETENTION: '36500d' }

async function somethingToAskFor(): Promise<typeof ids> {
  const webhook = await api.ask('POST', '/v1/webhooks', {
    body: { name: 'n', url: 'https://example.com/hook', events: ['context.updated'] },
  })
  const since = new Date(Date.now() - 60_000).toISOString()
  const { id } = webhook.body
  const replay = await api.ask('POST', `/v1/webhooks/${id}/replays`, { body: { since, only: 'all' } })
  const ofWebhook = ['getWebhook', 'updateWebhook', 'rotateSecret', 'testWebhook', 'listDeliveries', 'createReplay']
  const ofReplay = ['getReplay', 'pauseReplay', 'resumeReplay', 'cancelReplay']
  return Object.fromEntries([...ofWebhook.map((each) => [each, id]), ...ofReplay.map((each) => [each, replay.body.id])])
}

/** Per operation. With more it takes longer, and finds what is rarer. */
const EXAMPLES = process.env.SCHEMATHESIS_EXAMPLES ?? '50'

const PRODUCERS = ['postEvent', 'postEventBatch']

describe('the OpenAPI document, held against the API by Schemathesis', () => {
  it.each([
    ['an account', () => api.keys.account, PRODUCERS.flatMap((id) => ['--exclude-operation-id', id])],
    ['a producer', () => api.keys.producer, PRODUCERS.flatMap((id) => ['--include-operation-id', id])],
  ])(
    'is true for requests of %s: valid ones are taken, invalid ones refused, and every answer is described',
    async (_, key, operations) => {
      const { ok, report } = await runSchemathesis(program, ids, [
        `${api.running.url}/openapi.json`,
        ...['--header', `Authorization: Bearer ${key()}`],
        ...['--checks', 'all', '--phases', 'examples,coverage,fuzzing,stateful'],
        ...['--max-examples', EXAMPLES, '--seed', '1', '--generation-database', 'none'],
        ...['--continue-on-failure', '--request-timeout', '10', '--suppress-health-check', 'all'],
        ...operations,
      ])
      expect(ok, report).toBe(true)
      process.stdout.write(`${summaryOf(report)}\n`)
    },
  )
})

/** How many requests of which kind there were: the end of a report that found nothing. */
function summaryOf(report: string): string {
  return report.slice(report.lastIndexOf('Test cases:')).trim()
}
