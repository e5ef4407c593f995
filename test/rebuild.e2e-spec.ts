import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { askAdmin, runAdmin } from '../local/src/admin-command.js'
import { projectRoot } from '../local/src/index.js'
import { eventually } from './support/eventually.js'
import { Pipeline } from './support/pipeline.js'
import { Receiver } from './support/receiver.js'

const EVENTS = 60

interface Page {
  data: { id: string; status: string }[]
  next_cursor: string | null
}

describe('admin rebuild', () => {
  let pipeline: Pipeline
  let receiver: Receiver
  let webhooks: string[]

  beforeAll(async () => {
    ;[pipeline, receiver] = await Promise.all([Pipeline.start(), Receiver.start()])
    const paths = [
      receiver.url('/well'),
      receiver.url('/second-try', (_, earlier) => (earlier.length % 2 === 0 ? 500 : 200)),
      receiver.url('/gone-and-disabled', () => 410),
    ]
    webhooks = []
    for (const url of paths) webhooks.push((await pipeline.owner.createWebhook(url, ['context.updated'])).id)
    await publish(EVENTS)
    await untilNothingWaits()
    const [redelivered] = (await page(`/v1/webhooks/${webhooks[0]}/deliveries?limit=1`)).data
    await pipeline.owner.expect('POST', `/v1/deliveries/${redelivered!.id}/redeliver`)
    // Until the read models know of it, the delivery still shows as it ended before.
    await eventually(async () => {
      const delivery = await pipeline.owner.expect('GET', `/v1/deliveries/${redelivered!.id}`)
      expect(delivery).toMatchObject({ trigger: 'redelivery', status: 'delivered' })
    }, 60_000)
  })
  afterAll(async () => {
    await pipeline?.stop()
    await receiver?.stop()
  })

  async function publish(count: number): Promise<void> {
    const events = Array.from({ length: count }, () => pipeline.event())
    await pipeline.producer.expect('POST', '/v1/events/batch', { events })
  }

  const page = (path: string) => pipeline.owner.expect<Page>('GET', path)

  async function untilNothingWaits(): Promise<void> {
    await eventually(async () => {
      for (const webhook of webhooks) {
        const path = `/v1/webhooks/${webhook}/deliveries`
        expect((await page(`${path}?limit=1`)).data).not.toEqual([])
        expect((await page(`${path}?status=waiting&limit=1`)).data).toEqual([])
      }
    }, 60_000)
  }

  /** Everything that the API says of what happened, as text; with the ids out of the lists every single thing. */
  async function everyAnswer(): Promise<string[]> {
    const answers: string[] = []
    const ask = async (path: string) => {
      const body = await pipeline.owner.expect<Page>('GET', path)
      answers.push(`${path} ${JSON.stringify(body)}`)
      return body
    }
    const walk = async (list: string, single: string) => {
      for (let cursor: string | null = ''; cursor !== null;) {
        const { data, next_cursor }: Page = await ask(`${list}?limit=50${cursor && `&cursor=${cursor}`}`)
        for (const { id } of data) await ask(`${single}/${id}`)
        cursor = next_cursor
      }
    }
    await walk('/v1/webhooks', '/v1/webhooks')
    await walk('/v1/events', '/v1/events')
    for (const webhook of webhooks) await walk(`/v1/webhooks/${webhook}/deliveries`, '/v1/deliveries')
    return answers
  }

  it('gives every answer of the API back as it was, byte for byte, and sends nothing again', async () => {
    const before = await everyAnswer()
    const requests = receiver.requests.length

    const outcome = await askAdmin(['rebuild'], pipeline.admin)

    expect(outcome).toMatchObject({ resumed: false })
    expect(outcome.records).toBeGreaterThan(EVENTS * 4)
    expect(await everyAnswer()).toEqual(before)
    expect(receiver.requests).toHaveLength(requests)
    expect(await runAdmin(['audit', '--since', '1h'], pipeline.admin)).toContain('Nothing is missing.')
  })

  it('goes on after it was killed, while events come and are delivered, and loses none of them', async () => {
    const main = join(projectRoot(), 'dist', 'apps', 'api', 'src', 'main.js')
    const killed = spawn(process.execPath, [main, 'admin', 'rebuild'], {
      env: pipeline.admin.environment,
      stdio: ['ignore', 'ignore', 'pipe'],
    })
    // The first word of progress: it has begun and is not done.
    await once(killed.stderr, 'data')
    killed.kill('SIGKILL')
    await once(killed, 'close')

    const publishing = (async () => {
      for (let i = 0; i < 10; i++) await publish(20)
    })()
    const outcome = await askAdmin(['rebuild'], pipeline.admin)
    await publishing

    // Killed in its last moment it would have been done.
    expect(typeof outcome.resumed).toBe('boolean')
    await untilNothingWaits()
    await eventually(async () => {
      let listed = 0
      for (let cursor: string | null = ''; cursor !== null;) {
        const { data, next_cursor }: Page = await page(
          `/v1/webhooks/${webhooks[0]}/deliveries?status=delivered&limit=100${cursor && `&cursor=${cursor}`}`,
        )
        listed += data.length
        cursor = next_cursor
      }
      expect(listed).toBe(EVENTS + 200)
    }, 60_000)
  })
})
