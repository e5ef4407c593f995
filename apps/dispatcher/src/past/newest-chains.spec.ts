import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import type { ChainKey } from '#postgres'
import { NewestChains } from './newest-chains.js'

const MONDAY = Date.parse('2024-01-15T12:00:00Z')
const DAY_MS = 86_400_000
const silent = { warn: () => {} } as never

function knowing(newest: () => Promise<ChainKey[]>, most?: number): NewestChains {
  return new NewestChains({ newest } as never, silent, most)
}

describe('the newest chains', () => {
  beforeEach(() => void vi.useFakeTimers())
  afterEach(() => void vi.useRealTimers())

  it('replace the earlier ones of the same delivery and nothing else', () => {
    const chains = knowing(() => Promise.resolve([]))
    chains.saw({ id: 'dlv_1', chain: 2, acceptedAt: MONDAY })
    chains.saw({ id: 'dlv_1', chain: 1, acceptedAt: MONDAY })
    const replaced = [0, 1, 2, 3].map((chain) => chains.isReplaced({ id: 'dlv_1', chain, acceptedAt: MONDAY }))
    expect(replaced).toEqual([true, true, false, false])
    expect(chains.isReplaced({ id: 'dlv_2', chain: 0, acceptedAt: MONDAY })).toBe(false)
  })

  it('replace nothing of an event that is accepted under the same id more than a day before or after', () => {
    const chains = knowing(() => Promise.resolve([]))
    chains.saw({ id: 'dlv_1', chain: 1, acceptedAt: MONDAY })
    const replaced = [-3 * DAY_MS, -DAY_MS, DAY_MS, 3 * DAY_MS].map((apart) =>
      chains.isReplaced({ id: 'dlv_1', chain: 0, acceptedAt: MONDAY + apart }),
    )
    expect(replaced).toEqual([false, true, true, false])
  })

  it('are learnt at a takeover, without forgetting what was seen here', async () => {
    const chains = knowing(() =>
      Promise.resolve([
        { deliveryId: 'dlv_1', chain: 1, acceptedAt: MONDAY },
        { deliveryId: 'dlv_2', chain: 1, acceptedAt: MONDAY },
      ]),
    )
    chains.saw({ id: 'dlv_1', chain: 2, acceptedAt: MONDAY })
    await chains.load()
    expect(chains.isReplaced({ id: 'dlv_1', chain: 1, acceptedAt: MONDAY })).toBe(true)
    expect(chains.isReplaced({ id: 'dlv_2', chain: 0, acceptedAt: MONDAY })).toBe(true)
  })

  it('are asked for again while the read model is away, and nobody waits for it', async () => {
    let isAway = true
    const chains = knowing(() =>
      isAway
        ? Promise.reject(new Error('away'))
        : Promise.resolve([{ deliveryId: 'dlv_1', chain: 1, acceptedAt: MONDAY }]),
    )
    await chains.load()
    expect(chains.isReplaced({ id: 'dlv_1', chain: 0, acceptedAt: MONDAY })).toBe(false)
    isAway = false
    await vi.advanceTimersByTimeAsync(5_000)
    expect(chains.isReplaced({ id: 'dlv_1', chain: 0, acceptedAt: MONDAY })).toBe(true)
  })

  it('are waited for no longer than a second, and count all the same when they come later', async () => {
    let answer = (_: ChainKey[]): void => undefined
    const chains = knowing(() => new Promise((resolve) => (answer = resolve)))
    let isOver = false
    const loading = chains.load().then(() => (isOver = true))
    await vi.advanceTimersByTimeAsync(999)
    expect(isOver).toBe(false)
    await vi.advanceTimersByTimeAsync(1)
    expect(isOver).toBe(true)
    await loading
    chains.saw({ id: 'dlv_2', chain: 3, acceptedAt: MONDAY })

    answer(['dlv_1', 'dlv_2'].map((deliveryId) => ({ deliveryId, chain: 1, acceptedAt: MONDAY })))
    await vi.advanceTimersByTimeAsync(0)

    expect(chains.isReplaced({ id: 'dlv_1', chain: 0, acceptedAt: MONDAY })).toBe(true)
    expect(chains.isReplaced({ id: 'dlv_2', chain: 2, acceptedAt: MONDAY })).toBe(true)
  })

  it('are told to be late once for each takeover, and not when they came in time', async () => {
    const warnings: string[] = []
    let answer = (_: ChainKey[]): void => undefined
    const newest = () => new Promise<ChainKey[]>((resolve) => (answer = resolve))
    const logger = { warn: (_: object, words: string) => void warnings.push(words) }
    const chains = new NewestChains({ newest } as never, logger as never)
    void chains.load()
    await vi.advanceTimersByTimeAsync(5_000)
    expect(warnings).toEqual([expect.stringContaining('not read in time')])
    answer([])

    void chains.load()
    answer([])
    await vi.advanceTimersByTimeAsync(5_000)
    expect(warnings).toHaveLength(1)
  })

  it('are bounded: those seen longest ago are forgotten', () => {
    const chains = knowing(() => Promise.resolve([]), 2)
    for (const id of ['dlv_1', 'dlv_2', 'dlv_3']) chains.saw({ id, chain: 1, acceptedAt: MONDAY })
    const replaced = ['dlv_1', 'dlv_2', 'dlv_3'].map((id) => chains.isReplaced({ id, chain: 0, acceptedAt: MONDAY }))
    expect(replaced).toEqual([false, true, true])
  })

  it('are bounded at a takeover too: the newest, which come first, are kept', async () => {
    const ids = ['dlv_3', 'dlv_2', 'dlv_1']
    const chains = knowing(
      () => Promise.resolve(ids.map((deliveryId) => ({ deliveryId, chain: 1, acceptedAt: MONDAY }))),
      2,
    )
    await chains.load()
    expect(ids.map((id) => chains.isReplaced({ id, chain: 0, acceptedAt: MONDAY }))).toEqual([true, true, false])
  })
})
