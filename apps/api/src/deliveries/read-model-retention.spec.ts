import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { DatabaseUnavailable } from '#postgres'
import { ReadModelRetention } from './read-model-retention.js'

const MINUTE_MS = 60_000
const NEVER = () => Promise.reject(new DatabaseUnavailable('canceling statement due to lock timeout'))

describe('the retention of the read models', () => {
  const told: [level: string, words: string][] = []
  const calls: string[] = []
  let ensure: () => Promise<void>
  let drop: () => Promise<string[]>
  let retention: ReadModelRetention
  beforeEach(() => {
    vi.useFakeTimers()
    told.length = calls.length = 0
    ensure = () => Promise.resolve()
    drop = () => Promise.resolve([])
    const partitions = {
      ensureAhead: () => (calls.push('ensure'), ensure()),
      dropExpired: () => (calls.push('drop'), drop()),
    }
    const log = (level: string) => (_: object, words: string) => void told.push([level, words])
    retention = new ReadModelRetention(partitions as never, { info: log('info'), warn: log('warn') } as never)
  })
  afterEach(async () => {
    await retention.onApplicationShutdown()
    vi.useRealTimers()
  })

  /** @returns what was done meanwhile */
  async function passes(ms: number): Promise<string[]> {
    await vi.advanceTimersByTimeAsync(ms)
    return calls.splice(0)
  }

  it('is seen to every hour, and tells what it dropped', async () => {
    drop = () => Promise.resolve(['events_20240115'])
    retention.onApplicationBootstrap()
    expect(await passes(0)).toEqual(['ensure', 'drop'])
    expect(told).toEqual([['info', 'partitions older than the retention were dropped']])
    expect(await passes(59 * MINUTE_MS)).toEqual([])
    expect(await passes(MINUTE_MS)).toEqual(['ensure', 'drop'])
  })

  it('makes the coming days again half a minute after that failed', async () => {
    ensure = NEVER
    retention.onApplicationBootstrap()
    expect(await passes(0)).toEqual(['ensure'])
    ensure = () => Promise.resolve()
    expect(await passes(30_000)).toEqual(['ensure', 'drop'])
    expect(told.map(([level]) => level)).toEqual(['warn'])
  })

  it('leaves a day that is being read for ten minutes, and says so once, calmly', async () => {
    drop = NEVER
    retention.onApplicationBootstrap()
    expect(await passes(0)).toEqual(['ensure', 'drop'])
    expect(await passes(10 * MINUTE_MS - 1)).toEqual([])
    expect(await passes(1)).toEqual(['ensure', 'drop'])
    expect(told).toEqual([['info', expect.stringContaining('cannot be dropped now')]])

    drop = () => Promise.resolve(['events_20240115'])
    expect(await passes(10 * MINUTE_MS)).toEqual(['ensure', 'drop'])
    drop = NEVER
    await passes(60 * MINUTE_MS)
    expect(told.map(([level]) => level)).toEqual(['info', 'info', 'info'])
  })

  it('warns each day that it goes on', async () => {
    drop = NEVER
    retention.onApplicationBootstrap()
    await passes(23 * 60 * MINUTE_MS)
    expect(told.map(([level]) => level)).toEqual(['info'])
    await passes(60 * MINUTE_MS)
    expect(told.at(-1)).toEqual(['warn', expect.stringContaining('are kept')])
    await passes(24 * 60 * MINUTE_MS)
    expect(told.map(([level]) => level)).toEqual(['info', 'warn', 'warn'])
  })

  it('warns of every drop that fails for another reason', async () => {
    drop = () => Promise.reject(new Error('must be owner of table events'))
    retention.onApplicationBootstrap()
    await passes(20 * MINUTE_MS)
    expect(told.map(([level]) => level)).toEqual(['warn', 'warn', 'warn'])
  })
})
