import { afterEach, describe, expect, it, vi } from 'vitest'
import { Registry } from '#telemetry'
import { OutboxRelay } from './outbox-relay.js'

const soon = () => Date.now() + 3_000

/** An outbox whose passes the test lets end one by one. */
function anOutbox() {
  const passes: { end: (result: 'done' | 'busy') => void; fail: (error: Error) => void }[] = []
  const published = new Set<number>()
  return {
    passes,
    published,
    publishPending: vi.fn(() => new Promise<'done' | 'busy'>((end, fail) => passes.push({ end, fail }))),
    isPublished: vi.fn(async (id: number) => published.has(id)),
  }
}

function aRelay(outbox: ReturnType<typeof anOutbox>) {
  const logger = { error: vi.fn(), info: vi.fn(), debug: vi.fn(), warn: vi.fn() }
  const relay = new OutboxRelay(outbox as never, { publish: vi.fn() } as never, logger as never, new Registry())
  return { relay, logger }
}

afterEach(() => vi.useRealTimers())

describe('OutboxRelay', () => {
  it('confirms a change when a pass that began after its commit has ended', async () => {
    const outbox = anOutbox()
    const { relay } = aRelay(outbox)
    const confirmed = relay.isConfirmed(1, soon())
    outbox.passes[0]!.end('done')
    expect(await confirmed).toBe(true)
  })

  it('does not trust a pass that was under way when the change was committed', async () => {
    const outbox = anOutbox()
    const { relay } = aRelay(outbox)
    const first = relay.isConfirmed(1, soon())
    const second = relay.isConfirmed(2, soon())
    const third = relay.isConfirmed(3, soon())
    outbox.passes[0]!.end('done')
    expect(await first).toBe(true)
    await vi.waitFor(() => expect(outbox.passes).toHaveLength(2))
    // Both that came meanwhile share the next one.
    outbox.passes[1]!.end('done')
    expect(await Promise.all([second, third])).toEqual([true, true])
    expect(outbox.publishPending).toHaveBeenCalledTimes(2)
  })

  it('accepts that another replica has published the change', async () => {
    const outbox = anOutbox()
    const { relay } = aRelay(outbox)
    const confirmed = relay.isConfirmed(1, soon())
    outbox.passes[0]!.end('busy')
    await vi.waitFor(() => expect(outbox.passes).toHaveLength(2))
    outbox.published.add(1)
    outbox.passes[1]!.end('busy')
    expect(await confirmed).toBe(true)
  })

  it('answers no at the deadline, also when a pass hangs', async () => {
    const { relay } = aRelay(anOutbox())
    const started = Date.now()
    expect(await relay.isConfirmed(1, started + 60)).toBe(false)
    expect(Date.now() - started).toBeLessThan(1_000)
  })

  it('tells an outage once, and its end', async () => {
    const outbox = anOutbox()
    const { relay, logger } = aRelay(outbox)
    const confirmed = relay.isConfirmed(1, soon())
    outbox.passes[0]!.fail(new Error('Kafka is away'))
    await vi.waitFor(() => expect(outbox.passes).toHaveLength(2))
    outbox.passes[1]!.fail(new Error('Kafka is away'))
    await vi.waitFor(() => expect(outbox.passes).toHaveLength(3))
    outbox.passes[2]!.end('done')
    expect(await confirmed).toBe(true)
    expect(logger.error).toHaveBeenCalledTimes(1)
    expect(logger.info).toHaveBeenCalledTimes(1)
  })
})
