import { describe, expect, it } from 'vitest'
import type { EndedChains, OverChain } from '#postgres'
import { NewestChains } from './newest-chains.js'
import { UnknownPast } from './unknown-past.js'
import { someWork } from '../work.testing.js'

const silent = { warn() {} } as never
const MONDAY = Date.parse('2024-01-15T12:00:00Z')
const noChains = () => new NewestChains({} as never, silent)
const pastThatKnows = (over: Record<string, OverChain> = {}, chains = noChains()) => {
  const known = Object.entries(over).map(([chain, fate]): [string, OverChain] => [`${chain}/${MONDAY}`, fate])
  const among = () => Promise.resolve(new Map(known))
  return new UnknownPast({ among } as unknown as EndedChains, chains, silent)
}
const recordOf = (id: string, timestamp: number) => {
  const work = someWork({ id, chain: 0, acceptedAt: MONDAY })
  work.record.timestamp = timestamp
  return work
}

describe('a partition without a committed offset', () => {
  it('has what ended before completed without an attempt, and the rest done', async () => {
    const past = pastThatKnows({ 'dlv_ended/0': { hasEnded: true, newest: 2 } })
    past.takenOver([{ topic: 'deliveries', partition: 0 }], 1_000)
    const works = [recordOf('dlv_ended', 500), recordOf('dlv_open', 500)]
    expect(past.concerns(works.map(({ record }) => record))).toBe(true)
    const left = await past.withoutEnded(works)
    expect(left.map(({ delivery }) => delivery.id)).toEqual(['dlv_open'])
    expect(works.map(({ completed }) => completed)).toEqual([true, false])
  })

  it('leaves a chain that was replaced, of which no end is known, to be ended as everywhere', async () => {
    const chains = noChains()
    const past = pastThatKnows({ 'dlv_replaced/0': { hasEnded: false, newest: 2 } }, chains)
    past.takenOver([{ topic: 'deliveries', partition: 0 }], 1_000)
    const replaced = recordOf('dlv_replaced', 500)
    expect(await past.withoutEnded([replaced])).toEqual([replaced])
    expect(replaced.completed).toBe(false)
    expect(chains.isReplaced({ id: 'dlv_replaced', chain: 1, acceptedAt: MONDAY })).toBe(true)
    expect(chains.isReplaced({ id: 'dlv_replaced', chain: 2, acceptedAt: MONDAY })).toBe(false)
  })

  it('is trusted again for what was written after the takeover', () => {
    const past = pastThatKnows()
    past.takenOver([{ topic: 'deliveries', partition: 0 }], 1_000)
    expect(past.concerns([recordOf('dlv_new', 1_000).record])).toBe(false)
  })

  it('says nothing about other partitions', () => {
    const past = pastThatKnows()
    past.takenOver([{ topic: 'deliveries', partition: 7 }], 1_000)
    expect(past.concerns([recordOf('dlv_a', 500).record])).toBe(false)
  })

  it('sends nothing blindly while the read model is away', async () => {
    const among = () => Promise.reject(new Error('away'))
    const past = new UnknownPast({ among } as unknown as EndedChains, noChains(), silent)
    past.takenOver([{ topic: 'deliveries', partition: 0 }], 1_000)
    await expect(past.withoutEnded([recordOf('dlv_a', 500)])).rejects.toThrow('away')
  })
})
