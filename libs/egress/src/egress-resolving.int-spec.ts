import { afterEach, beforeAll, beforeEach, expect, test } from 'vitest'
import { egressPolicy } from './address-policy.js'
import { EgressClient } from './egress-client.js'
import { anAuthority, type KeyAndCertificate } from './testing/certificates.js'
import { FakeNameServer } from './testing/fake-name-server.js'
import { FullBacklog } from './testing/full-backlog.js'
import { anAnswer, RawReceiver } from './testing/raw-receiver.js'

// Every name is asked of a name server on loopback, and every address that may be dialled lies in 127.0.0.0/8, so
// that nothing leaves this machine whatever the code under test does.
const ASKED_AGAIN_AFTER_MS = 250
const BOTH_FAMILIES = ['127.0.0.0/8', '::1/128']

let authority: KeyAndCertificate
let certificate: KeyAndCertificate
let names: FakeNameServer
let receiver: RawReceiver
const clients: EgressClient[] = []

beforeAll(async () => {
  const made = await anAuthority()
  authority = made
  certificate = await made.issue({ names: ['*.example.com', 'a.localhost', 'localhost'] })
})

beforeEach(async () => {
  names = await FakeNameServer.start()
  receiver = await RawReceiver.start({ certificate, onRequest: (socket) => socket.write(anAnswer()) })
})

afterEach(async () => {
  for (const client of clients.splice(0)) await client.close()
  await receiver.stop()
  await names.stop()
})

function aClient(allowedCidrs = ['127.0.0.0/8'], keepAliveMs?: number, tries = 1): EgressClient {
  const policy = egressPolicy({ allowedCidrs, allowedPorts: '1-65535', allowHttp: false })
  const client = new EgressClient({
    policy,
    extraCaPem: authority.cert,
    maxConnections: 50,
    ...(keepAliveMs !== undefined && { keepAliveMs }),
    resolver: { servers: [names.address], timeoutMs: ASKED_AGAIN_AFTER_MS, tries },
  })
  clients.push(client)
  return client
}

function send(client: EgressClient, host: string, deadlineMs = 2_000, port = receiver.port) {
  const url = `https://${host}:${port}/`
  return client.send({ url, headers: {}, body: Buffer.from('{}'), deadlineMs })
}

test('a name is resolved, and its certificate verified for the name', async () => {
  names.names.set('one.example.com', { addresses: ['127.0.0.1'] })
  expect(await send(aClient(), 'one.example.com')).toMatchObject({ kind: 'answered', status: 200 })
  expect(names.questions.sort()).toEqual(['one.example.com A', 'one.example.com AAAA'])
})

test('a name with a dot at its end leads to the same receiver', async () => {
  names.names.set('one.example.com', { addresses: ['127.0.0.1'] })
  expect(await send(aClient(), 'one.example.com.')).toMatchObject({ kind: 'answered', status: 200 })
})

test.each(['localhost', 'a.localhost', 'localhost.'])('%s is loopback without asking anybody', async (host) => {
  expect(await send(aClient(), host)).toMatchObject({ kind: 'answered' })
  expect(names.questions).toEqual([])
})

test.each([
  ['all of it', ['127.0.0.1']],
  ['one address of several', ['127.0.1.1', '127.0.0.1']],
  ['one address of the other family', ['127.0.1.1', '::1']],
  ['a mapped address', ['127.0.1.1', '::ffff:7f00:101']],
])('an answer is refused whole when the policy refuses %s', async (_case, addresses) => {
  names.names.set('two.example.com', { addresses })
  const result = await send(aClient(['127.0.1.0/24']), 'two.example.com')
  expect(result).toMatchObject({ kind: 'failed', reason: 'address_denied', detail: expect.stringMatching(/leads to/) })
  expect(receiver.accepted).toBe(0)
})

test('what a name server with DNS64 adds to an answer is neither judged nor called', async () => {
  names.names.set('four.example.com', { addresses: ['127.0.0.1', '64:ff9b::7f00:1'] })
  expect(await send(aClient(['127.0.0.1/32']), 'four.example.com')).toMatchObject({ kind: 'answered', status: 200 })
  names.names.set('other.example.com', { addresses: ['127.0.0.1', '64:ff9b::7f00:2'] })
  expect(await send(aClient(['127.0.0.1/32']), 'other.example.com')).toMatchObject({ reason: 'address_denied' })
  expect(receiver.accepted).toBe(1)
})

test('a URL that the policy refuses is not sent, also when it was accepted under another policy', async () => {
  expect(await send(aClient(['127.1.0.0/16']), '127.0.0.1')).toMatchObject({ reason: 'address_denied' })
  expect(await send(aClient(['127.1.0.0/16']), 'localhost')).toMatchObject({ reason: 'address_denied' })
  expect(receiver.accepted).toBe(0)
})

test('a name that moved inside is refused at the next connection', async () => {
  names.names.set('moves.example.com', { addresses: ['127.0.0.1'] })
  const client = aClient(['127.0.0.1/32'], 50)
  expect(await send(client, 'moves.example.com')).toMatchObject({ kind: 'answered' })
  names.names.set('moves.example.com', { addresses: ['127.0.0.2'] })
  await expect.poll(() => client.connections.idle).toBe(0)
  expect(await send(client, 'moves.example.com')).toMatchObject({ reason: 'address_denied' })
})

test('an answer is kept for its time to live', async () => {
  names.names.set('kept.example.com', { addresses: ['127.0.0.1'], ttl: 60 })
  const client = aClient(undefined, 50)
  await send(client, 'kept.example.com')
  await expect.poll(() => client.connections.idle).toBe(0)
  expect(await send(client, 'kept.example.com')).toMatchObject({ kind: 'answered', reusedConnection: false })
  expect(names.questions).toHaveLength(2)
})

test('many first requests to one name ask once', async () => {
  names.names.set('busy.example.com', { addresses: ['127.0.0.1'] })
  const client = aClient()
  await Promise.all(Array.from({ length: 10 }, () => send(client, 'busy.example.com')))
  expect(names.questions).toHaveLength(2)
})

test('the next address is used when one refuses', async () => {
  // The receiver listens on 127.0.0.1 only.
  names.names.set('half.example.com', { addresses: ['127.0.0.9', '127.0.0.1'] })
  expect(await send(aClient(), 'half.example.com')).toMatchObject({ kind: 'answered', status: 200 })
})

test('a silent address costs a moment, not the attempt, when there is another', async () => {
  const silent = await FullBacklog.start()
  const at = { host: '127.0.0.2', port: silent.port }
  const second = await RawReceiver.start({ certificate, at, onRequest: (socket) => socket.write(anAnswer()) })
  names.names.set('both.example.com', { addresses: ['127.0.0.1', '127.0.0.2'] })
  const result = await send(aClient(), 'both.example.com', 2_000, silent.port)
  await silent.stop()
  await second.stop()
  expect(result).toMatchObject({ kind: 'answered', status: 200 })
  expect(result.durationMs).toBeLessThan(1_000)
})

test('a name server that never answers for IPv6 delays, but does not stop', async () => {
  names.names.set('four.example.com', { addresses: ['127.0.0.1'], silentFamily: 6 })
  expect(await send(aClient(), 'four.example.com')).toMatchObject({ kind: 'answered', status: 200 })
})

// The receiver listens on IPv4 only, as one that looks so from a machine without a route for IPv6.
test('an answer for IPv4 that was lost is waited for, although IPv6 has answered', async () => {
  const addresses = ['127.0.0.1', '::1']
  names.names.set('lost.example.com', (question) => ({ addresses, ...(question <= 2 && { silentFamily: 4 }) }))
  const result = await send(aClient(BOTH_FAMILIES, undefined, 2), 'lost.example.com')
  expect(result).toMatchObject({ kind: 'answered', status: 200 })
  expect(names.questions.filter((question) => question.endsWith(' A'))).toHaveLength(2)
})

test('an answer without what IPv4 leads to is not kept', async () => {
  const addresses = ['127.0.0.1', '::1']
  names.names.set('half.example.com', (question) => ({ addresses, ttl: 60, ...(question <= 2 && { silentFamily: 4 }) }))
  const client = aClient(BOTH_FAMILIES)
  expect(await send(client, 'half.example.com')).not.toMatchObject({ kind: 'answered' })
  expect(await send(client, 'half.example.com')).toMatchObject({ kind: 'answered', status: 200 })
})

test('a name that does not exist is a failure of the receiver', async () => {
  expect(await send(aClient(), 'nothing.invalid')).toMatchObject({ kind: 'failed', reason: 'dns', phase: 'resolve' })
})

test('a name that the name server refuses to look up is a failure of the receiver', async () => {
  names.names.set('lame.example.com', 'refused')
  const result = await send(aClient(), 'lame.example.com')
  expect(result).toMatchObject({ kind: 'failed', reason: 'dns', detail: expect.stringContaining('EREFUSED') })
})

test('a failed answer is asked again, so that a mended name works at once', async () => {
  names.names.set('mended.example.com', 'broken')
  const client = aClient()
  expect(await send(client, 'mended.example.com')).toMatchObject({ kind: 'failed', reason: 'dns' })
  names.names.set('mended.example.com', { addresses: ['127.0.0.1'] })
  expect(await send(client, 'mended.example.com')).toMatchObject({ kind: 'answered' })
})

test('a closed name server is our own fault', async () => {
  const client = aClient()
  await names.stop()
  const result = await send(client, 'one.example.com')
  names = await FakeNameServer.start()
  expect(result).toMatchObject({ kind: 'own-fault', cause: 'resolver' })
})

test('one silent name is the receiver, five unrelated ones are our resolver, until it answers again', async () => {
  const client = aClient()
  for (const host of ['a.one.com', 'b.two.com', 'c.three.com', 'd.four.com', 'e.five.com', 'f.six.com', 'g.seven.com'])
    names.names.set(host, 'silent')
  for (const host of ['a.one.com', 'b.two.com', 'c.three.com', 'd.four.com'])
    expect(await send(client, host)).toMatchObject({ kind: 'failed', reason: 'dns' })
  expect(await send(client, 'e.five.com')).toMatchObject({ kind: 'own-fault', cause: 'resolver' })
  expect(await send(client, 'f.six.com')).toMatchObject({ kind: 'own-fault', cause: 'resolver' })
  expect(await send(client, 'nothing.invalid')).toMatchObject({ kind: 'failed', reason: 'dns' })
  expect(await send(client, 'g.seven.com')).toMatchObject({ kind: 'failed', reason: 'dns' })
})

test('dead names do not delay a healthy one', async () => {
  const client = aClient()
  const dead = Array.from({ length: 20 }, (_, index) => `dead${index}.example.com`)
  for (const host of dead) names.names.set(host, 'silent')
  names.names.set('healthy.example.com', { addresses: ['127.0.0.1'] })
  let finishedDead = 0
  const stalled = dead.map((host) => send(client, host).then(() => finishedDead++))
  expect(await send(client, 'healthy.example.com')).toMatchObject({ kind: 'answered' })
  expect(finishedDead).toBe(0)
  await Promise.all(stalled)
})
