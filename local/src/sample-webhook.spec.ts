import { describe, expect, it } from 'vitest'
import { ApiClient, type ApiAnswer } from './api-client.js'
import { ensureSampleWebhook, removeSampleWebhook, sampleEvents } from './sample-webhook.js'

const url = 'https://127.0.0.1:20001/webhook'
const kept = { id: 'whk_kept', secret: 'whsec_kept' }

/** An API that gives prepared answers and remembers what it was asked. */
class ScriptedApi extends ApiClient {
  readonly asked: string[] = []

  constructor(private readonly answers: Record<string, ApiAnswer>) {
    super('http://api')
  }

  override async request(method: string, path: string, _key: string, body?: unknown): Promise<ApiAnswer> {
    this.asked.push([method, path, ...(body === undefined ? [] : [JSON.stringify(body)])].join(' '))
    const answer = this.answers[`${method} ${path}`]
    if (!answer) throw new Error(`not expected: ${method} ${path}`)
    return answer
  }
}

const created = { status: 201, body: { id: 'whk_new', secret: 'whsec_new' } }
const asItShouldBe = { url, is_active: true, events: sampleEvents }

describe('the sample webhook', () => {
  it('is made for all five context events when there was none', async () => {
    const api = new ScriptedApi({ 'POST /v1/webhooks': created })
    expect(await ensureSampleWebhook(api, 'key', url, undefined)).toEqual({ id: 'whk_new', secret: 'whsec_new' })
    expect(sampleEvents).toHaveLength(5)
    expect(api.asked[0]).toContain(JSON.stringify({ name: 'Sample receiver', url, events: sampleEvents }))
  })

  it('is used again as it is, in whatever order the API lists its events', async () => {
    const body = { ...asItShouldBe, events: [...sampleEvents].reverse() }
    const api = new ScriptedApi({ 'GET /v1/webhooks/whk_kept': { status: 200, body } })
    expect(await ensureSampleWebhook(api, 'key', url, kept)).toEqual(kept)
    expect(api.asked).toHaveLength(1)
  })

  it.each([
    ['its port changed', { url: 'https://127.0.0.1:20999/webhook' }],
    ['it was disabled', { is_active: false }],
    ['its events were changed', { events: ['context.created'] }],
  ])('is corrected, and keeps its secret, when %s', async (_, difference) => {
    const api = new ScriptedApi({
      'GET /v1/webhooks/whk_kept': { status: 200, body: { ...asItShouldBe, ...difference } },
      'PATCH /v1/webhooks/whk_kept': { status: 200, body: {} },
    })
    expect(await ensureSampleWebhook(api, 'key', url, kept)).toEqual(kept)
    expect(api.asked[1]).toContain(JSON.stringify({ url, events: sampleEvents, is_active: true }))
  })

  it('is made again when somebody has deleted it', async () => {
    const api = new ScriptedApi({
      'GET /v1/webhooks/whk_kept': { status: 404, body: {} },
      'POST /v1/webhooks': created,
    })
    expect(await ensureSampleWebhook(api, 'key', url, kept)).toEqual({ id: 'whk_new', secret: 'whsec_new' })
  })

  it('tells what the API said when it refuses', async () => {
    const refusal = { status: 422, body: { detail: 'this address is not public' } }
    const api = new ScriptedApi({ 'POST /v1/webhooks': refusal })
    await expect(ensureSampleWebhook(api, 'key', url, undefined)).rejects.toThrow(/422.*this address is not public/)
  })

  it('may be gone already when it is removed, but a failure is told', async () => {
    const path = 'DELETE /v1/webhooks/whk_kept'
    await removeSampleWebhook(new ScriptedApi({ [path]: { status: 404, body: {} } }), 'key', kept)
    await removeSampleWebhook(new ScriptedApi({ [path]: { status: 204, body: {} } }), 'key', kept)
    const failing = removeSampleWebhook(new ScriptedApi({ [path]: { status: 503, body: {} } }), 'key', kept)
    await expect(failing).rejects.toThrow(/503/)
  })
})
