import { mkdtemp, readFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { removeWithUs } from '../local/src/index.js'
import { eventually } from './support/eventually.js'
import { Pipeline } from './support/pipeline.js'
import { Receiver } from './support/receiver.js'

const TRACE = '0af7651916cd43dd8448eb211c80319c'
const PRODUCER = 'b7ad6b7169203331'

interface EndedSpan {
  name: string
  kind: string
  traceId: string
  spanId: string
  parentId?: string
  failure?: string
  attributes: Record<string, string | number>
}

let pipeline: Pipeline
let receiver: Receiver
let spansFile: string

beforeAll(async () => {
  const folder = await mkdtemp(join(tmpdir(), 'webhooks-spans-'))
  removeWithUs(folder)
  spansFile = join(folder, 'spans.jsonl')
  const sdk = join(import.meta.dirname, 'support/recording-sdk.cjs')
  const environment = { NODE_OPTIONS: `--require "${sdk}"`, SPANS_FILE: spansFile }
  ;[pipeline, receiver] = await Promise.all([Pipeline.start({ environment }), Receiver.start()])
})
afterAll(async () => {
  await pipeline?.stop()
  await receiver?.stop()
})

/** Those of one trace, in the order in which they ended. */
async function spansOf(traceId: string, least: number): Promise<EndedSpan[]> {
  return eventually(async () => {
    const lines = (await readFile(spansFile, 'utf8')).split('\n').filter((line) => line !== '')
    const spans = lines.map((line) => JSON.parse(line) as EndedSpan).filter((span) => span.traceId === traceId)
    expect(spans.length).toBeGreaterThanOrEqual(least)
    return spans
  })
}

describe('with an SDK that an operator loads', () => {
  it('every service knows that it is traced', async () => {
    for (const service of ['api', 'fanout', 'dispatcher']) {
      await eventually(async () => expect(await pipeline.log(service)).toContain('"isTraced":true'))
    }
  })

  it('an event is one trace from the producer to the last attempt, and its receiver sees nothing of it', async () => {
    const script = (_: unknown, earlier: unknown[]) => (earlier.length === 0 ? 500 : 200)
    const webhook = await pipeline.owner.createWebhook(receiver.url('/traced', script), ['context.updated'])
    const answer = await fetch(`${pipeline.apiUrl}/v1/events`, {
      method: 'POST',
      headers: {
        authorization: `Bearer ${pipeline.producerKey}`,
        'content-type': 'application/json',
        traceparent: `00-${TRACE}-${PRODUCER}-01`,
      },
      body: JSON.stringify(pipeline.event()),
    })
    expect(answer.status).toBe(202)

    const spans = await spansOf(TRACE, 4)
    const named = (name: string) => spans.filter((span) => span.name === name)
    const [[accepted], [fannedOut], attempts] = [
      named('event.accept'),
      named('event.fan_out'),
      named('delivery.attempt'),
    ]
    expect(spans).toHaveLength(4)
    expect(accepted).toMatchObject({ kind: 'PRODUCER', parentId: PRODUCER })
    expect(fannedOut).toMatchObject({ kind: 'CONSUMER', parentId: accepted!.spanId })
    expect(attempts).toMatchObject([
      { kind: 'CLIENT', parentId: fannedOut!.spanId, failure: 'http_status' },
      { kind: 'CLIENT', parentId: fannedOut!.spanId },
    ])
    expect(attempts.map(({ attributes }) => attributes)).toMatchObject([
      { 'webhook.id': webhook.id, 'delivery.attempt': 1, 'http.response.status_code': 500 },
      { 'webhook.id': webhook.id, 'delivery.attempt': 2, 'http.response.status_code': 200 },
    ])
    expect(attempts[1]).not.toHaveProperty('failure')
    for (const { headers } of receiver.at('/traced')) {
      expect(JSON.stringify(headers)).not.toContain(TRACE)
    }
  })
})
