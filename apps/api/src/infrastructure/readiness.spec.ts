import { afterEach, describe, expect, it, vi } from 'vitest'
import { DatabaseUnavailable } from '#postgres'
import { Readiness } from './readiness.js'

const logger = { warn: vi.fn(), error: vi.fn() }

/** A database whose `migrations` table answers what the test says. */
function aDatabase(answer: () => { name: string }[]) {
  return { query: vi.fn(async () => answer()) }
}

function aReadiness(answer: () => { name: string }[]) {
  return new Readiness(aDatabase(answer) as never, logger as never)
}

const away = () => {
  throw new DatabaseUnavailable('away')
}

afterEach(() => vi.useRealTimers())

describe('Readiness', () => {
  it('is live from the first moment, started and ready only later', () => {
    const { checks } = aReadiness(away)
    expect([checks.live(), checks.started(), checks.ready()]).toEqual([null, 'starting', 'starting'])
  })

  it('waits for Postgres and its migrations, and does not mind its absence afterwards', async () => {
    vi.useFakeTimers()
    let answer: () => { name: string }[] = away
    const readiness = aReadiness(() => answer())
    readiness.started()
    readiness.watchSchema()
    await vi.advanceTimersByTimeAsync(10)
    expect(readiness.checks.ready()).toBe('Postgres has not been reached yet')
    answer = () => []
    await vi.advanceTimersByTimeAsync(1_000)
    expect(readiness.checks.ready()).toContain('migrations are pending')
    const { ALL } = await allMigrations()
    answer = () => ALL
    await vi.advanceTimersByTimeAsync(1_000)
    expect(readiness.checks.ready()).toBeNull()
    answer = away
    await vi.advanceTimersByTimeAsync(10_000)
    expect(readiness.checks.ready()).toBeNull()
    readiness.draining()
    expect(readiness.checks.ready()).toBe('draining')
  })

  it('tells the first condition that does not hold', async () => {
    vi.useFakeTimers()
    const { ALL } = await allMigrations()
    const readiness = aReadiness(() => ALL)
    let kafka: string | null = 'Kafka does not answer'
    readiness.require(() => kafka)
    readiness.started()
    readiness.watchSchema()
    await vi.advanceTimersByTimeAsync(10)
    expect(readiness.checks.ready()).toBe('Kafka does not answer')
    kafka = null
    expect(readiness.checks.ready()).toBeNull()
  })
})

/** The names that an empty schema is told to lack. */
async function allMigrations() {
  const { pendingMigrations } = await import('#postgres')
  const names = await pendingMigrations(aDatabase(() => []) as never)
  return { ALL: names.map((name) => ({ name })) }
}
