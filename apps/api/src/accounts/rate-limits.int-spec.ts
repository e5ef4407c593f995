import { afterAll, beforeAll, describe, expect, inject, it } from 'vitest'
import { type Answer, TestApi } from '../http/test-api.testing.js'

let api: TestApi

beforeAll(async () => {
  const environment = { RATE_LIMIT_PER_KEY: '5/s', TRUSTED_PROXIES: '127.0.0.0/8' }
  api = await TestApi.start({ kafkaBrokers: inject('kafkaBrokers'), databaseUrl: inject('databaseUrl') }, environment)
})
afterAll(() => api?.stop())

const many = (count: number, ask: () => Promise<Answer>) => Promise.all(Array.from({ length: count }, ask))
const statuses = (answers: Answer[]) => new Set(answers.map(({ status }) => status))

describe('the limit per key', () => {
  it('answers 429 with the headers of the standard, and lets the key in again after Retry-After', async () => {
    const { key } = await api.createKey(api.keys.accountId, ['webhooks:read'])
    const first = await api.ask('GET', '/v1/me', { key })
    expect(first.headers.get('ratelimit-policy')).toBe('"key";q=5;w=1')
    expect(first.headers.get('ratelimit')).toMatch(/^"key";r=\d+;t=1$/)

    const refused = (await many(200, () => api.ask('GET', '/v1/me', { key }))).find(({ status }) => status === 429)!

    expect(refused.headers.get('content-type')).toBe('application/problem+json')
    expect(refused.headers.get('ratelimit')).toBe('"key";r=0;t=1')
    expect(refused.body).toMatchObject({ status: 429, title: 'Too Many Requests' })
    const waitMs = Number(refused.headers.get('retry-after')) * 1_000
    await new Promise((resolve) => setTimeout(resolve, waitMs))
    expect((await api.ask('GET', '/v1/me', { key })).status).toBe(200)
  })

  it('counts keys apart, and producers not at all', async () => {
    expect(statuses(await many(200, () => api.ask('GET', '/v1/me')))).toEqual(new Set([200, 429]))
    expect((await api.ask('GET', '/v1/me', { key: api.keys.otherAccount })).status).toBe(200)
    const asProducer = await many(200, () => api.ask('GET', '/v1/me', { key: api.keys.producer }))
    expect(statuses(asProducer)).toEqual(new Set([200]))
    expect(asProducer[0]!.headers.has('ratelimit')).toBe(false)
  })
})

describe('the limit per address without a valid key', () => {
  it('bounds guessing, by the client’s own address behind a proxy, and does not hold back a valid key', async () => {
    const from = (address: string, key: string | null) =>
      api.ask('GET', '/v1/me', { key, headers: { 'x-forwarded-for': `198.51.100.9, ${address}` } })

    const guesses = await many(300, () => from('192.0.2.1', 'cfk_0123456789ABCDEFGHIJabcdefghij4Us3aw'))

    expect(statuses(guesses)).toEqual(new Set([401, 429]))
    const refused = guesses.find(({ status }) => status === 429)!
    expect(refused.headers.get('ratelimit-policy')).toBe('"failed-authentication";q=100;w=10')
    expect(Number(refused.headers.get('retry-after'))).toBeGreaterThan(0)
    expect((await from('192.0.2.2', null)).status).toBe(401)
    expect((await from('192.0.2.1', api.keys.otherAccount)).status).toBe(200)
  })
})
