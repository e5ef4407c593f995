import { randomBytes } from 'node:crypto'
import pg from 'pg'
import { afterAll, beforeAll, expect, inject, it } from 'vitest'
import { readAdminConfig } from '#config'
import { TopicMap } from '#topics'
import { askAdmin, runAdmin } from '../local/src/admin-command.js'
import { freePort } from '../local/src/index.js'
import { ApiClient } from './support/api-client.js'
import { eventually } from './support/eventually.js'
import { type MailServer, startMailServer } from './support/mail-server.js'
import { Pipeline } from './support/pipeline.js'
import { Receiver } from './support/receiver.js'
import { readTopics } from './support/topics.js'

const aCanary = (name: string) => `canary${name}${randomBytes(9).toString('hex')}`

/** Put in here and there, to be looked for everywhere. */
const canaries = {
  databasePassword: aCanary('Database'),
  mailPassword: aCanary('Mail'),
  secretsKey: randomBytes(32).toString('base64'),
  urlPassword: aCanary('UrlPassword'),
  /** Of a webhook's URL, which its owner sees, the dispatcher calls and nobody else is told. */
  urlQuery: aCanary('UrlQuery'),
  wrongKey: `cfk_${aCanary('WrongKey')}`,
  requestQuery: aCanary('RequestQuery'),
  brokenBody: aCanary('BrokenBody'),
}

let pipeline: Pipeline
let receiver: Receiver
let mailServer: MailServer
/** Every HTTP answer that was an error. */
const errors: string[] = []

beforeAll(async () => {
  ;[receiver, mailServer] = await Promise.all([Receiver.start(), startMailServer()])
  pipeline = await Pipeline.start({
    databaseUrl: await databaseOf(canaries.databasePassword),
    environment: {
      SECRETS_KEY: canaries.secretsKey,
      SMTP_URL: `smtp://someone:${canaries.mailPassword}@127.0.0.1:${mailServer.port}`,
      MAIL_FROM: 'webhooks@example.com',
      RETRY_SCHEDULE: '1s,1s,1s,1s,1s',
      LOG_LEVEL: 'debug',
    },
  })
})
afterAll(async () => {
  await pipeline?.stop()
  await Promise.all([receiver?.stop(), mailServer?.stop()])
})

/** A database whose owner has this password. */
async function databaseOf(password: string): Promise<string> {
  const name = `canary_${randomBytes(6).toString('hex')}`
  const client = new pg.Client({ connectionString: inject('databaseUrl') })
  await client.connect()
  await client.query(`create role ${name} login superuser password '${password}'`)
  await client.query(`create database ${name} owner ${name}`)
  await client.end()
  const url = new URL(inject('databaseUrl'))
  Object.assign(url, { username: name, password, pathname: `/${name}` })
  return url.toString()
}

async function refused(client: ApiClient, method: string, path: string, body?: unknown): Promise<void> {
  const answer = await client.request(method, path, body)
  expect(answer.status).toBeGreaterThanOrEqual(400)
  errors.push(JSON.stringify([answer.body, [...answer.headers]]))
}

async function delivered(webhookId: string, status: string): Promise<string> {
  return eventually(async () => {
    const path = `/v1/webhooks/${webhookId}/deliveries?status=${status}`
    const { data } = await pipeline.owner.expect<{ data: { id: string }[] }>('GET', path)
    expect(data.length).toBeGreaterThan(0)
    return data[0]!.id
  })
}

it('no secret is in a log, an error, a metric, a topic or a mail, whatever happens', async () => {
  const { owner } = pipeline
  const at = (path: string) => `${path}?token=${canaries.urlQuery}`
  const answer = { fine: 200, failing: 500, gone: 410 }
  const make = (path: keyof typeof answer, type: string) =>
    owner.createWebhook(
      receiver.url(at(`/${path}`), () => answer[path]),
      [type],
    )
  const fine = await make('fine', 'context.updated')
  const failing = await make('failing', 'context.updated')
  const gone = await make('gone', 'context.deleted')
  const nobody = `https://localhost:${await freePort()}/?token=${canaries.urlQuery}`
  const unreachable = await owner.createWebhook(nobody, ['context.updated'])
  const secrets = [fine, failing, gone, unreachable].map(({ secret }) => secret)

  const rotated = await owner.expect<{ secret: string }>('POST', `/v1/webhooks/${fine.id}/rotate-secret`, {})
  secrets.push(rotated.secret)
  await owner.expect('PATCH', `/v1/webhooks/${failing.id}`, { url: receiver.url(at('/failing')) })
  await pipeline.publish({ type: 'context.updated' })
  await pipeline.publish({ type: 'context.deleted' })
  await owner.expect('POST', `/v1/webhooks/${failing.id}/test`, {})
  const since = new Date(Date.now() - 60_000).toISOString()
  await owner.expect('POST', `/v1/deliveries/${await delivered(fine.id, 'delivered')}/redeliver`)
  await owner.expect('POST', `/v1/webhooks/${fine.id}/replays`, { since, only: 'all' })

  const withPassword = { url: `https://user:${canaries.urlPassword}@example.com/`, events: ['context.updated'] }
  await refused(owner, 'POST', '/v1/webhooks', { name: 'n', ...withPassword })
  await refused(owner, 'PATCH', `/v1/webhooks/${fine.id}`, { url: withPassword.url })
  await refused(owner, 'POST', '/v1/webhooks', `{"name": "${canaries.brokenBody}" "`)
  await refused(pipeline.producer, 'POST', '/v1/events', { ...pipeline.event(), type: canaries.brokenBody })
  await refused(owner, 'GET', `/v1/webhooks?token=${canaries.requestQuery}`)
  await refused(owner, 'GET', `/nothing?token=${canaries.requestQuery}`)
  await refused(owner, 'POST', `/v1/webhooks/${fine.id}/rotate-secret`, {})
  await refused(new ApiClient(pipeline.apiUrl, canaries.wrongKey), 'GET', '/v1/me')
  const revoked = await revokedKey()
  await eventually(() => refused(new ApiClient(pipeline.apiUrl, revoked), 'GET', '/v1/me'))

  await delivered(gone.id, 'gone')
  await delivered(failing.id, 'exhausted')
  await delivered(unreachable.id, 'exhausted')
  await owner.expect('DELETE', `/v1/webhooks/${unreachable.id}`)
  await eventually(() => expect(mailServer.mails.length).toBeGreaterThan(0), 60_000)
  expect(mailServer.refusals).toBeGreaterThan(1)

  const topics = await everyTopic()
  const places = {
    logs: (await Promise.all(['api', 'fanout', 'dispatcher'].map((service) => pipeline.log(service)))).join('\n'),
    metrics: (await Promise.all(['api', 'fanout', 'dispatcher'].map((each) => pipeline.metrics(each)))).join('\n'),
    errors: errors.join('\n'),
    mails: mailServer.mails.join('\n'),
    ...topics,
  }
  // The places were read, and what has to be there is found.
  expect(places.logs).toContain(fine.id)
  expect(places.metrics).toContain('webhooks_attempts_total')
  expect(places.mails).toContain(gone.id)
  expect(Object.keys(topics).filter((name) => topics[name]!.includes(canaries.urlQuery))).toEqual(URL_TOPICS)

  const everywhere = { ...canaries, account: pipeline.account.key, producer: pipeline.producerKey, revoked }
  const { urlQuery, ...hidden } = everywhere
  const named = [...Object.entries(hidden), ...secrets.map((secret, i) => [`secret ${i}`, secret] as const)]
  const hits = named.flatMap(([name, canary]) => placesOf(canary, places).map((place) => `${name} in ${place}`))
  hits.push(
    ...placesOf(urlQuery, places)
      .filter((place) => !URL_TOPICS.includes(place))
      .map((place) => `url in ${place}`),
  )
  expect(hits).toEqual([])
})

/**
 * The webhook's configuration, what was sent where, which its owner reads in the log of deliveries, and what became of the
 * webhook, which the owner's other webhooks may ask for.
 */
const URL_TOPICS = ['context-events', 'delivery-log', 'webhook-changes']

async function revokedKey(): Promise<string> {
  const created = await askAdmin(
    ['keys', 'create', '--account', pipeline.account.id, '--scopes', 'webhooks:read'],
    pipeline.admin,
  )
  await new ApiClient(pipeline.apiUrl, String(created.key)).expect('GET', '/v1/me')
  await runAdmin(['keys', 'revoke', String(created.id)], pipeline.admin)
  return String(created.key)
}

async function everyTopic(): Promise<Record<string, string>> {
  const map = new TopicMap(readAdminConfig(pipeline.admin.environment).topics)
  const names = map.specs.map(({ name }) => name)
  const texts = await Promise.all(
    names.map(async (name) => {
      const records = await readTopics(pipeline.kafkaBrokers, [name])
      const text = records.map(({ key, value, headers }) => `${key} ${value?.toString()} ${JSON.stringify(headers)}`)
      return [name.slice(pipeline.topicPrefix.length), text.join('\n')] as const
    }),
  )
  return Object.fromEntries(texts.sort(([a], [b]) => a.localeCompare(b)))
}

/** Where a canary is, as it is or in another writing. */
function placesOf(canary: string, places: Record<string, string>): string[] {
  const bytes = Buffer.from(canary)
  const bare = canary.replace(/^(whsec|cfk)_/, '')
  const writings = [bare, bytes.toString('hex'), encodeURIComponent(bare), JSON.stringify(bare).slice(1, -1)]
  // In base64 whatever stands before shifts it: three writings, without the characters that its neighbours share.
  for (const before of [0, 1, 2]) {
    const text = Buffer.concat([Buffer.alloc(before), Buffer.from(bare)]).toString('base64')
    writings.push(text.slice(before === 0 ? 0 : 4, -4))
  }
  return Object.keys(places).filter((place) => writings.some((writing) => places[place]!.includes(writing)))
}
