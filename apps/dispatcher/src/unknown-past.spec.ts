import { describe, expect, it } from 'vitest'
import type { EndedChains } from '#postgres'
import { UnknownPast } from './unknown-past.js'
import { someWork } from './work.testing.js'

const silent = { warn() {} } as never
const pastThatKnows = (...ended: string[]) =>
  new UnknownPast({ among: () => Promise.resolve(new Set(ended)) } as unknown as EndedChains, silent)
const recordOf = (id: string, timestamp: number) => {
  const work = someWork({ id, chain: 0 })
  work.record.timestamp = timestamp
  return work
}

describe('a partition without a committed offset', () => {
  it('has what ended before completed without an attempt, and the rest done', async () => {
    const past = pastThatKnows('dlv_ended/0')
    past.takenOver([{ topic: 'deliveries', partition: 0 }], 1_000)
    const works = [recordOf('dlv_ended', 500), recordOf('dlv_open', 500)]
    expect(past.concerns(works)).toBe(true)
    const left = await past.withoutEnded(works)
    expect(left.map(({ delivery }) => delivery.id)).toEqual(['dlv_open'])
    expect(works.map(({ completed }) => completed)).toEqual([true, false])
  })

  it('is trusted again for what was written after the takeover', () => {
    const past = pastThatKnows()
    past.takenOver([{ topic: 'deliveries', partition: 0 }], 1_000)
    expect(past.concerns([recordOf('dlv_new', 1_000)])).toBe(false)
  })

  it('says nothing about other partitions', () => {
    const past = pastThatKnows()
    past.takenOver([{ topic: 'deliveries', partition: 7 }], 1_000)
    expect(past.concerns([recordOf('dlv_a', 500)])).toBe(false)
  })

  it('sends nothing blindly while the read model is away', async () => {
    const past = new UnknownPast({ among: () => Promise.reject(new Error('away')) } as unknown as EndedChains, silent)
    past.takenOver([{ topic: 'deliveries', partition: 0 }], 1_000)
    await expect(past.withoutEnded([recordOf('dlv_a', 500)])).rejects.toThrow('away')
  })
})
