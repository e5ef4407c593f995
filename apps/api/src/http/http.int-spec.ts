import { connect } from 'node:net'
import { afterAll, beforeAll, describe, expect, inject, it } from 'vitest'
import { TestApi } from './test-api.testing.js'

let api: TestApi

beforeAll(async () => {
  api = await TestApi.start({ kafkaBrokers: inject('kafkaBrokers'), databaseUrl: inject('databaseUrl') })
})

afterAll(() => api?.stop())

/** What a bare socket gets for these bytes. */
function exchange(text: string): Promise<string> {
  return new Promise((resolve, reject) => {
    let received = ''
    const socket = connect(api.config.port, '127.0.0.1', () => socket.write(text))
    socket.setEncoding('utf8')
    socket.on('data', (data) => (received += data))
    socket.on('close', () => resolve(received))
    socket.on('error', reject)
  })
}

describe('an answer that is no success', () => {
  it.each([
    ['GET', '/nothing', 404],
    ['GET', '/v1/%zz', 400],
    ['GET', `/v1/webhooks/${'x'.repeat(3_000)}`, 404],
    ['POST', '/v1/nothing', 404],
    ['OPTIONS', '/v1/nothing', 404],
  ])('is problem+json for %s %s', async (method, path, status) => {
    const answer = await api.ask(method, path)
    expect(answer.status).toBe(status)
    expect(answer.headers.get('content-type')).toBe('application/problem+json')
    expect(answer.body).toMatchObject({ status, instance: path, trace_id: expect.stringMatching(/^[0-9a-f]{32}$/) })
    expect(answer.text).not.toMatch(/node_modules|\.js|at .*:\d+/)
  })

  it.each([
    ['PUT', '/v1/webhooks', 'GET, HEAD, POST'],
    ['OPTIONS', '/v1/webhooks', 'GET, HEAD, POST'],
    ['DELETE', '/v1/events?limit=1', 'GET, HEAD, POST'],
    ['POST', '/v1/webhooks/x', 'DELETE, GET, HEAD, PATCH'],
    ['PATCH', '/v1/events/batch', 'POST'],
  ])('is 405 for %s %s, and says what there is', async (method, path, allow) => {
    const answer = await api.ask(method, path)
    expect(answer.status).toBe(405)
    expect(answer.headers.get('content-type')).toBe('application/problem+json')
    expect(answer.headers.get('allow')).toBe(allow)
  })

  it('carries the caller’s trace', async () => {
    const headers = { traceparent: '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01' }
    expect((await api.ask('GET', '/nothing', { headers })).body.trace_id).toBe('0af7651916cd43dd8448eb211c80319c')
  })

  it('does not repeat a query', async () => {
    expect((await api.ask('GET', '/nothing?token=secret-word')).text).not.toContain('secret-word')
  })

  it.each([
    ['what is no HTTP', 'hello\r\n\r\n', 400],
    ['headers that never end', `GET / HTTP/1.1\r\nHost: x\r\nX: ${'x'.repeat(20_000)}\r\n\r\n`, 431],
  ])('is problem+json for %s', async (_, text, status) => {
    const [head, body] = (await exchange(text)).split('\r\n\r\n')
    expect(head).toContain(`HTTP/1.1 ${status}`)
    expect(head).toContain('Content-Type: application/problem+json')
    expect(JSON.parse(body!)).toMatchObject({ status })
  })

  it.each([
    [null, 401],
    ['Basic dXNlcjpwYXNz', 401],
    ['Bearer', 401],
    ['Bearer cfk_nonsense', 401],
  ])('is 401 for the authorization %j', async (authorization, status) => {
    const headers = authorization === null ? {} : { authorization }
    const answer = await api.ask('GET', '/v1/me', { key: null, headers })
    expect(answer.status).toBe(status)
    expect(answer.headers.get('www-authenticate')).toContain('Bearer')
  })

  it('parses nothing for somebody without a key', async () => {
    expect((await api.ask('POST', '/v1/webhooks', { key: null, raw: '{' })).status).toBe(401)
  })
})

describe('the OpenAPI document', () => {
  it('describes every route that there is, each with an id of its own, and no reference leads nowhere', () => {
    const { document } = api.schemas
    const operations = Object.entries(document.paths).flatMap(([path, item]) =>
      Object.entries(item).map(([method, operation]) => ({ path, method, operation })),
    )
    const names = operations.map(({ method, path }) => `${method.toUpperCase()} ${path}`)
    expect(names).toEqual(
      expect.arrayContaining([
        'POST /v1/events',
        'POST /v1/events/batch',
        'GET /v1/event-types',
        'GET /v1/me',
        'POST /v1/webhooks',
        'GET /v1/webhooks',
        'GET /v1/webhooks/{id}',
        'PATCH /v1/webhooks/{id}',
        'DELETE /v1/webhooks/{id}',
      ]),
    )
    const ids = operations.map(({ operation }) => operation.operationId)
    expect(new Set(ids).size).toBe(ids.length)
    for (const { path, operation } of operations) {
      const declared = (operation.parameters ?? []).filter((each) => each.in === 'path').map((each) => each.name)
      expect(declared).toEqual([...path.matchAll(/\{([^}]+)\}/g)].map(([, name]) => name))
      const successes = Object.keys(operation.responses).filter((status) => status.startsWith('2'))
      // A dry run answers a count and starts nothing: the only route with two good answers.
      expect(successes).toEqual(path === '/v1/webhooks/{id}/replays' ? ['200', '202'] : [expect.stringMatching(/^2/)])
    }
    const schemas = document.components.schemas
    for (const [, name] of JSON.stringify(document).matchAll(/"#\/components\/schemas\/([^"]+)"/g)) {
      expect(schemas).toHaveProperty([name!])
    }
    for (const schema of Object.values(schemas)) expect(() => api.schemas.compile(schema)).not.toThrow()
  })

  it('is OpenAPI 3.1 with what receivers get and how to authenticate', () => {
    expect(api.schemas.document).toMatchObject({
      openapi: '3.1.0',
      security: [{ key: [] }],
      components: { securitySchemes: { key: { type: 'http', scheme: 'bearer' } } },
      webhooks: {
        event: { post: { requestBody: { content: { 'application/json': {} } } } },
        operationalEvent: { post: { requestBody: { content: { 'application/json': {} } } } },
      },
    })
  })

  it('has the same limits as the schemas that validate', () => {
    expect(api.schemas.document.components.schemas).toMatchObject({
      WebhookRequest: {
        additionalProperties: false,
        properties: {
          name: { type: 'string', minLength: 1, maxLength: 100 },
          url: { type: 'string', maxLength: 2_048 },
          events: { type: 'array', minItems: 1, uniqueItems: true },
        },
        required: ['name', 'url', 'events'],
      },
      EventRequest: { required: ['account_id', 'type', 'context'] },
      EventBatchRequest: { properties: { events: { minItems: 1, maxItems: 1_000 } } },
    })
  })

  it('has a page for people that asks nobody else for anything', async () => {
    const page = await api.ask('GET', '/docs', { key: null })
    expect(page.status).toBe(200)
    expect(page.headers.get('content-type')).toContain('text/html')
    const sources = [...page.text.matchAll(/(?:src|href)="([^"]+)"/g)].map(([, source]) => source!)
    expect(sources.length).toBeGreaterThan(2)
    for (const source of sources) {
      expect(source).not.toMatch(/^(https?:)?\/\//)
      const asset = await api.ask('GET', new URL(source, `${api.running.url}/docs`).pathname, { key: null })
      expect(asset.status).toBe(200)
    }
  })
})

describe('metrics', () => {
  it('name routes by their templates, never by ids', async () => {
    await api.ask('GET', `/v1/webhooks/whk_${'0'.repeat(32)}`)
    await api.ask('GET', '/nothing/at/all')
    const text = await (await fetch(`http://127.0.0.1:${api.config.managementPort}/metrics`)).text()
    const routes = [...text.matchAll(/^webhooks_api_requests_total\{.*route="([^"]*)"/gm)].map(([, route]) => route)
    expect(routes).toContain('/v1/webhooks/:id')
    expect(routes).toContain('none')
    expect(text).not.toMatch(/whk_0|nothing/)
    expect(text).toContain('webhooks_outbox_pending')
  })
})
