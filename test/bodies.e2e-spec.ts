import fc from 'fast-check'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { contextEventTypes } from '#domain'
import { eventually } from './support/eventually.js'
import { Pipeline } from './support/pipeline.js'
import { Receiver } from './support/receiver.js'
import { signedAccordingTo } from './support/three-verifiers.js'

let pipeline: Pipeline
let receiver: Receiver

beforeAll(async () => {
  ;[pipeline, receiver] = await Promise.all([Pipeline.start(), Receiver.start()])
})
afterAll(async () => {
  await pipeline?.stop()
  await receiver?.stop()
})

const SEED = 20_240_115
const EVENTS = 10_000
/** So few that one event which is refused takes few others with it. */
const BATCH = 20
const TOGETHER = 16

interface Posted {
  id?: string
  account_id: string
  type: string
  created_at?: string
  context: { id: string; name: string; slug: string; updated_at: string }
  [unknown: string]: unknown
}

// Controls, escapes, separators that JavaScript once minded, halves of pairs, and text that looks like something else.
const awkward = fc.constantFrom(
  ...['"', '\\', '/', '\b', '\f', '\n', '\r', '\t', '\u0001', '\u007f', '\u2028', '\u2029', '\ufeff', '\ufffe'],
  ...['\u0300', '\u202e', '😀', '👩‍👩‍👧‍👦', '𐀀', '\u{10ffff}', 'ﬃ', 'İ', '</script>', '${x}', '%00', '&amp;', '\\u0041'],
  ...['__proto__', 'null', '-0', '1e400', '9007199254740993', '{"a":1}', "'; drop table events; --", '\r\n\r\nX: y'],
)
const text = fc
  .oneof(
    fc.string({ unit: 'binary', maxLength: 60 }),
    fc.string({ unit: awkward, maxLength: 30 }),
    fc.string({ unit: 'grapheme', maxLength: 60 }),
    fc.string({ unit: 'binary-ascii', minLength: 400, maxLength: 512 }),
  )
  // The NUL is fast-check's favourite, and refused: it has its own share below.
  .map((made) => made.replaceAll('\0', '\u0002'))
/** What most texts are, and now and then what no event may hold. */
const textOrWorse = fc.oneof(
  { arbitrary: text, weight: 400 },
  { arbitrary: fc.constantFrom('\0', 'a\0b', '\ud800', 'x\udc00', 'x'.repeat(5_000)), weight: 1 },
)
const time = fc.constantFrom(
  '2024-01-15T14:45:00Z',
  '2024-01-15T14:45:00.123456789012+05:30',
  '2016-12-31t23:59:60z',
  '0000-02-29T00:00:00-00:00',
)

const anEvent = (accountId: string): fc.Arbitrary<Posted> =>
  fc.record(
    {
      account_id: fc.constant(accountId),
      type: fc.constantFrom(...contextEventTypes),
      created_at: time,
      context: fc.record({ id: fc.uuid(), name: textOrWorse, slug: textOrWorse, updated_at: time }),
    },
    { requiredKeys: ['account_id', 'type', 'context'] },
  )

/** The same event with its fields in another order, written in another way: escapes, spaces, exponents mean nothing. */
function written(event: Posted, index: number): string {
  const shuffled = index % 2 ? event : Object.fromEntries(Object.entries(event).reverse())
  const json = JSON.stringify(shuffled, null, index % 3 === 0 ? 2 : 0)
  if (index % 5) return json
  return json.replace(/[^\x00-\x7f]/g, (unit) => `\\u${unit.charCodeAt(0).toString(16).padStart(4, '0')}`)
}

describe('ten thousand made-up events', () => {
  it('arrive with every string as it was posted, as JSON that parses and prints to itself, signed for everybody', async () => {
    const webhook = await pipeline.owner.createWebhook(receiver.url('/bodies'), [...contextEventTypes])
    const events = fc.sample(anEvent(pipeline.account.id), { seed: SEED, numRuns: EVENTS })
    const accepted = new Map<string, Posted>()
    const refused: number[] = []
    const post = async (batch: Posted[], at: number): Promise<void> => {
      const body = `{"events":[${batch.map((event, i) => written(event, at + i)).join(',')}]}`
      const answer = await pipeline.producer.request<{ data: { id: string }[] }>('POST', '/v1/events/batch', body)
      if (answer.status === 202) {
        answer.body.data.forEach(({ id }, i) => accepted.set(id, batch[i]!))
        return
      }
      expect(answer.status).toBeGreaterThanOrEqual(400)
      expect(answer.status).toBeLessThan(500)
      if (batch.length === 1) refused.push(answer.status)
      else for (const [i, event] of batch.entries()) await post([event], at + i)
    }
    const batches = Array.from({ length: EVENTS / BATCH }, (_, i) => i * BATCH)
    await Promise.all(
      Array.from({ length: TOGETHER }, async () => {
        for (let at = batches.shift(); at !== undefined; at = batches.shift())
          await post(events.slice(at, at + BATCH), at)
      }),
    )
    expect(accepted.size + refused.length).toBe(EVENTS)
    // Both kinds were made, or half of this says nothing.
    expect(refused.length).toBeGreaterThan(10)
    expect(accepted.size).toBeGreaterThan(EVENTS * 0.9)
    expect(events.filter(isSound)).toHaveLength(accepted.size)

    const requests = await eventually(() => {
      const each = new Map(receiver.at('/bodies').map((request) => [request.eventId, request]))
      expect(each.size).toBe(accepted.size)
      return [...each.values()]
    }, 60_000)
    for (const { eventId, body } of requests) {
      const json = body.toString()
      // Not valid UTF-8 would not come back as the same bytes.
      expect(Buffer.from(json).equals(body)).toBe(true)
      const delivered = JSON.parse(json) as { created_at: string }
      expect(JSON.stringify(delivered)).toBe(json)
      const { type, created_at = delivered.created_at, context } = accepted.get(eventId)!
      const { id, name, slug, updated_at } = context
      expect(json).toBe(
        JSON.stringify({ id: eventId, type, created_at, data: { context: { id, name, slug, updated_at } } }),
      )
    }
    const all = requests.length
    expect(signedAccordingTo(requests, webhook.secret)).toEqual({ node: all, standardWebhooks: all, python: all })
    const others = `whsec_${Buffer.alloc(32).toString('base64')}`
    expect(signedAccordingTo(requests.slice(0, 50), others)).toEqual({ node: 0, standardWebhooks: 0, python: 0 })
  })
})

/** What the API's words are for what it takes. */
function isSound({ context: { name, slug } }: Posted): boolean {
  return (
    [name, slug].every((each) => !/[\0\p{Surrogate}]/u.test(each)) &&
    [...name].length <= 4_096 &&
    [...slug].length <= 512
  )
}
