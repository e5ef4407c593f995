import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { freePort, startServerProcess } from '../local/src/index.js'
import { eventually } from './support/eventually.js'
import { Pipeline } from './support/pipeline.js'
import { Receiver } from './support/receiver.js'

let pipeline: Pipeline
let receiver: Receiver

beforeAll(async () => {
  ;[pipeline, receiver] = await Promise.all([Pipeline.start(), Receiver.start()])
})
afterAll(async () => {
  await pipeline?.stop()
  await receiver?.stop()
})

/** In place of the pipeline's own dispatcher; ends with SIGKILL at the point. */
async function crashOnceAt(
  point: string,
  webhook: { id: string; url: string },
  publish: () => Promise<unknown>,
): Promise<void> {
  await pipeline.service('dispatcher').stop()
  const crashing = await startServerProcess({
    name: `a dispatcher that crashes ${point}`,
    command: process.execPath,
    args: [join(import.meta.dirname, 'support', 'dispatcher-that-crashes.mjs')],
    env: {
      ...pipeline.environmentOf('dispatcher'),
      MANAGEMENT_PORT: String(await freePort()),
      CRASH_POINT: point,
      CRASH_WEBHOOK_ID: webhook.id,
      CRASH_WEBHOOK_URL: webhook.url,
    },
    logFile: pipeline.logFile(`crash ${point}`),
  })
  await publish()
  expect(await crashing.ended).toEqual({ code: null, signal: 'SIGKILL' })
  expect(() => process.kill(crashing.pid, 0)).toThrow('ESRCH')
  await pipeline.service('dispatcher').startAgain()
}

async function statusOf(webhookId: string): Promise<unknown[]> {
  const { data } = await pipeline.owner.expect<{ data: { status: string }[] }>(
    'GET',
    `/v1/webhooks/${webhookId}/deliveries`,
  )
  return data.map(({ status }) => status)
}

/**
 * Requests of the first attempt that the receiver sees: two where the crash left no trace of the one that was made. A
 * success that is in the log is not repeated although nothing was committed; a failure is, since its retry might be missing.
 */
const POINTS = [
  { point: 'before the request', ofSuccess: 1, ofFailure: 1 },
  { point: 'after the answer', ofSuccess: 2, ofFailure: 2 },
  { point: 'after the write', ofSuccess: 1, ofFailure: 2 },
  { point: 'after completion', ofSuccess: 1, ofFailure: 2 },
  { point: 'after the commit', ofSuccess: 1, ofFailure: 1 },
]

describe('a dispatcher that is killed', () => {
  it.each(POINTS)('$point of an attempt that succeeds: delivered, with $ofSuccess request(s)', async (each) => {
    const path = `/succeeds ${each.point}`.replaceAll(' ', '-')
    const webhook = await pipeline.owner.createWebhook(receiver.url(path), ['context.created'])
    await crashOnceAt(each.point, webhook, () => pipeline.publish({ type: 'context.created' }))
    await eventually(async () => {
      expect(await statusOf(webhook.id)).toEqual(['delivered'])
      expect(receiver.at(path)).toHaveLength(each.ofSuccess)
    })
    await pipeline.owner.expect('DELETE', `/v1/webhooks/${webhook.id}`)
  })

  it.each(POINTS)('$point of an attempt that fails: the retry is made, and made once', async (each) => {
    const path = `/fails ${each.point}`.replaceAll(' ', '-')
    const webhook = await pipeline.owner.createWebhook(
      receiver.url(path, ({ attempt }) => (attempt === 1 ? 500 : 200)),
      ['context.deleted'],
    )
    await crashOnceAt(each.point, webhook, () => pipeline.publish({ type: 'context.deleted' }))
    await eventually(async () => expect(await statusOf(webhook.id)).toEqual(['delivered']))
    const attempts = receiver.at(path).map(({ attempt }) => attempt)
    expect(attempts.filter((attempt) => attempt === 1)).toHaveLength(each.ofFailure)
    expect(attempts.filter((attempt) => attempt === 2)).toHaveLength(1)
    await pipeline.owner.expect('DELETE', `/v1/webhooks/${webhook.id}`)
  })

  it('while the receiver is working: the request is made again', async () => {
    let kill = () => {}
    const webhook = await pipeline.owner.createWebhook(
      receiver.url('/works', (_, earlier) => {
        if (earlier.length > 0) return 200
        kill()
        return 'hang'
      }),
      ['context.published'],
    )
    const { pid, ended } = pipeline.service('dispatcher')
    kill = () => process.kill(pid, 'SIGKILL')
    await pipeline.publish({ type: 'context.published' })
    expect(await ended).toEqual({ code: null, signal: 'SIGKILL' })
    await pipeline.service('dispatcher').startAgain()
    await eventually(async () => expect(await statusOf(webhook.id)).toEqual(['delivered']))
    expect(receiver.at('/works').map(({ attempt }) => attempt)).toEqual([1, 1])
  })
})
