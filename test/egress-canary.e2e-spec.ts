import { once } from 'node:events'
import { connect } from 'node:net'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { freePort, issueCertificate } from '../local/src/index.js'
import { FakeNameServer } from '../libs/egress/src/testing/fake-name-server.js'
import { ApiClient } from './support/api-client.js'
import { Canary } from './support/canary.js'
import { type LoggedDelivery, untilAllEnded } from './support/delivery-log.js'
import { eventually } from './support/eventually.js'
import { assertOwnNetwork, isInOwnNetwork, runInOwnNetwork } from './support/own-network.js'
import { Pipeline } from './support/pipeline.js'
import { testAuthority } from './support/test-authority.js'

// The public address of a receiver; like all others it leads to the canary here, which tells them apart.
const PUBLIC = '93.184.215.14'
const PUBLIC_V6 = '2606:4700::1111'
const PORTS = [443, 8443, 22]

const inside = {
  'loopback.example.com': ['127.0.0.1'],
  'other-loopback.example.com': ['127.9.9.9'],
  'loopback-6.example.com': ['::1'],
  'zero.example.com': ['0.0.0.0'],
  'private.example.com': ['10.0.0.1'],
  'private-172.example.com': ['172.16.0.1'],
  'private-192.example.com': ['192.168.1.1'],
  'private-6.example.com': ['fd00::1'],
  'shared.example.com': ['100.100.100.200'],
  'metadata.example.com': ['169.254.169.254'],
  'metadata-6.example.com': ['fd00:ec2::254'],
  'platform.example.com': ['168.63.129.16'],
  'link-local-6.example.com': ['fe80::1'],
  'mapped.example.com': ['::ffff:a00:1'],
  'nat64.example.com': ['64:ff9b::a00:1'],
  '6to4.example.com': ['2002:a00:1::1'],
  'isatap.example.com': ['2606:4700::5efe:a00:1'],
  'mixed.example.com': [PUBLIC, '10.0.0.1'],
  'mixed-families.example.com': [PUBLIC, 'fd00::1'],
  'mixed-6.example.com': [PUBLIC_V6, '169.254.169.254'],
}

const literals = [
  'https://127.0.0.1/',
  'https://127.0.0.1:8443/',
  'https://2130706433/',
  'https://0x7f.1/',
  'https://localhost:8443/',
  'https://10.0.0.1/',
  'https://192.168.1.1:8443/',
  'https://169.254.169.254/latest/meta-data/',
  'https://168.63.129.16/',
  'https://[::1]/',
  'https://[fd00::1]/',
  'https://[::ffff:10.0.0.1]/',
  'https://[64:ff9b::a00:1]/',
  'https://93.184.215.14:22/',
  'https://private/',
  'https://private.internal/',
]

// Alone it takes half a minute; beside other tests on a busy machine several times that.
const LIMIT_MS = 400_000

if (isInOwnNetwork) describeCanary()
else {
  const title = 'the product connects to nobody inside, in a network where everything answers'
  it(title, { timeout: LIMIT_MS + 5_000 }, async () => {
    expect(await runInOwnNetwork('test/egress-canary.e2e-spec.ts', LIMIT_MS)).toMatch(/Tests.* passed/)
  })
}

function describeCanary(): void {
  let names: FakeNameServer
  let canary: Canary
  let pipeline: Pipeline
  let owner: ApiClient
  /** An API whose policy allows everything: what it takes, the dispatcher must refuse on its own. */
  let open: ApiClient

  beforeAll(async () => {
    assertOwnNetwork()
    const { authority } = await testAuthority()
    const certificate = await issueCertificate(authority, ['*.example.com', PUBLIC, 'localhost', '127.0.0.1'])
    canary = await Canary.start(PORTS, certificate)
    names = await FakeNameServer.start({ 'good.example.com': { addresses: [PUBLIC, PUBLIC_V6] } }, 53)
    for (const [name, addresses] of Object.entries(inside)) names.names.set(name, { addresses })
    names.names.set('private', { addresses: ['10.0.0.1'] })
    names.names.set('private.internal', { addresses: ['10.0.0.1'] })
    const proxy = 'http://127.0.0.1:8443'
    pipeline = await Pipeline.start({
      environment: {
        EGRESS_ALLOWED_CIDRS: '',
        RETRY_SCHEDULE: '200ms,200ms,200ms,200ms,200ms',
        RATE_LIMIT_PER_KEY: '10000/s',
        ...{ HTTP_PROXY: proxy, HTTPS_PROXY: proxy, ALL_PROXY: proxy, NODE_USE_ENV_PROXY: '1', NO_PROXY: '' },
      },
    })
    owner = pipeline.owner
    const port = await freePort()
    await pipeline.add('api', 'open-api', {
      API_PORT: String(port),
      EGRESS_ALLOWED_CIDRS: '0.0.0.0/0,::/0',
      EGRESS_ALLOWED_PORTS: '1-65535',
    })
    open = new ApiClient(`http://127.0.0.1:${port}`, pipeline.account.key)
  })

  afterAll(async () => {
    await pipeline?.stop()
    await canary?.stop()
    await names?.stop()
  })

  const untilTried = (webhookId: string, triggers: string[]) =>
    eventually(async () => {
      const deliveries = await untilAllEnded(owner, webhookId, 1)
      const tried = deliveries.flatMap(({ attempts }) => attempts.map(({ trigger }) => trigger))
      expect([...new Set(tried)].sort()).toEqual(triggers)
      return deliveries
    })

  const seenInside = () =>
    canary.connections.filter(({ address, port }) => ![PUBLIC, PUBLIC_V6].includes(address) || port === 22)

  it('the canary sees whoever comes to an address inside, so that its silence means something', async () => {
    const dialled = ['127.0.0.1', '10.0.0.1', '172.16.0.1', '192.168.1.1', '169.254.169.254', '168.63.129.16']
    dialled.push('100.100.100.200', '::1', 'fd00::1', 'fd00:ec2::254', '64:ff9b::a00:1', '2002:a00:1::1')
    for (const host of dialled) {
      for (const port of PORTS) {
        const socket = connect({ host, port })
        await once(socket, 'connect')
        await eventually(() => expect(seenInside()).toContainEqual({ address: host, port }))
        socket.destroy()
      }
    }
    canary.connections.length = 0
  })

  it('a receiver at a public address gets its deliveries, by name and by address', async () => {
    const webhooks = [
      await owner.createWebhook('https://good.example.com/named', ['context.created']),
      await owner.createWebhook(`https://${PUBLIC}:8443/literal`, ['context.created']),
    ]
    await pipeline.publish({ type: 'context.created' })
    for (const { id } of webhooks) {
      const [delivery] = await untilAllEnded(owner, id, 1)
      expect(delivery).toMatchObject({ status: 'delivered' })
    }
    expect(canary.requests.sort()).toEqual([`POST ${PUBLIC}:8443/literal`, 'POST good.example.com/named'])
    expect(canary.connections.length).toBeGreaterThanOrEqual(2)
    for (const { id } of webhooks) await owner.expect('DELETE', `/v1/webhooks/${id}`)
  })

  it.each(literals)('%s is refused when a webhook is created and when it is changed', async (url) => {
    const body = { name: 'Inside', url, events: ['context.created'] }
    const changed = await owner.createWebhook('https://good.example.com/', ['context.created'])
    for (const answer of [
      await owner.request('POST', '/v1/webhooks', body),
      await owner.request('PATCH', `/v1/webhooks/${changed.id}`, { url }),
    ]) {
      expect(answer).toMatchObject({ status: 422, body: { errors: [{ pointer: '/url' }] } })
    }
    expect(await owner.expect('GET', `/v1/webhooks/${changed.id}`)).toMatchObject({ url: 'https://good.example.com/' })
    await owner.expect('DELETE', `/v1/webhooks/${changed.id}`)
  })

  it('no name or address that leads inside is connected to: delivery, test, redelivery and replay are denied', async () => {
    const since = new Date().toISOString()
    const type = 'context.deleted'
    const webhooks: { id: string; url: string }[] = []
    for (const name of Object.keys(inside)) webhooks.push(await owner.createWebhook(`https://${name}/`, [type]))
    for (const url of literals) webhooks.push(await open.createWebhook(url, [type]))
    // One that was good, and was then changed.
    const changed = await owner.createWebhook('https://good.example.com/', [type])
    webhooks.push(await owner.expect('PATCH', `/v1/webhooks/${changed.id}`, { url: 'https://private.example.com/' }))

    await pipeline.publish({ type })
    for (const { id } of webhooks) {
      const [automatic] = await untilAllEnded(owner, id, 1)
      await owner.expect('POST', `/v1/webhooks/${id}/test`, { type })
      await owner.expect('POST', `/v1/deliveries/${automatic!.id}/redeliver`)
    }
    for (const { id } of webhooks) {
      await untilTried(id, ['automatic', 'redelivery', 'test'])
      // An account has few replays at a time: each takes the place of one that is over.
      await eventually(() => owner.expect('POST', `/v1/webhooks/${id}/replays`, { since, only: 'all', types: [type] }))
    }
    for (const { id, url } of webhooks) {
      const deliveries = await untilTried(id, ['automatic', 'redelivery', 'replay', 'test'])
      for (const delivery of deliveries) expectDenied(delivery, url)
    }
    expect(seenInside()).toEqual([])
  })

  it('a name that changes its mind is judged at every connection', async () => {
    const type = 'context.updated'
    const webhook = await owner.createWebhook('https://moves.example.com/', [type])
    const deliverWith = async (addresses: string[]): Promise<LoggedDelivery> => {
      names.names.set('moves.example.com', { addresses })
      const { id } = await pipeline.publish({ type })
      return eventually(async () => {
        const found = (await untilAllEnded(owner, webhook.id, 1)).find(({ event_id }) => event_id === id)
        expect(found).toBeDefined()
        return found!
      })
    }
    expect(await deliverWith([PUBLIC])).toMatchObject({ status: 'delivered' })
    expectDenied(await deliverWith(['10.0.0.1']), webhook.url)
    expect(await deliverWith([PUBLIC_V6])).toMatchObject({ status: 'delivered' })
    expectDenied(await deliverWith([PUBLIC, '127.0.0.1']), webhook.url)
    expect(seenInside()).toEqual([])
  })

  it('a name that answers every question differently is connected to where it was checked, or not at all', async () => {
    const type = 'context.published'
    names.names.set('rebinds.example.com', (question) => ({ addresses: [question % 4 < 2 ? PUBLIC : '10.0.0.1'] }))
    const webhook = await owner.createWebhook('https://rebinds.example.com/', [type])
    const before = canary.connections.length
    for (let count = 0; count < 20; count++) await pipeline.publish({ type })
    const deliveries = await untilAllEnded(owner, webhook.id, 20)
    const outcomes = new Set(deliveries.flatMap(({ attempts }) => attempts.map(({ reason }) => reason)))
    expect(outcomes).toEqual(new Set([null, 'address_denied']))
    expect(canary.connections.length).toBeGreaterThan(before)
    expect(seenInside()).toEqual([])
  })
}

function expectDenied(delivery: LoggedDelivery, url: string): void {
  expect(delivery.attempts.length, url).toBeGreaterThan(0)
  for (const attempt of delivery.attempts) {
    expect(attempt, url).toMatchObject({
      outcome: 'failed',
      reason: 'address_denied',
      message: "Your webhook's host name leads to an address that we do not send to.",
      response: null,
      request: { url },
    })
    // As long as a name server takes, and not as long as a host does that is not there.
    expect(attempt.duration_ms, url).toBeLessThan(1_000)
  }
  // The URL is the owner's own; what it leads to is not told.
  const told = JSON.stringify(delivery).replaceAll(url, '')
  expect(told, url).not.toMatch(/10\.0\.0\.1|127\.0|169\.254|192\.168|fd00:/)
}
