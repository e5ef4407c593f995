import { describe, expect, it, vi } from 'vitest'
import type { Delivery } from '#domain'
import type { ChainKey, EndedChains, OverChain } from '#postgres'
import { NewestChains } from './newest-chains.js'
import { UnknownPast } from './unknown-past.js'
import { someWork } from '../work.testing.js'

const silent = { warn() {} } as never
const MONDAY = Date.parse('2024-01-15T12:00:00Z')
const MINUTE_MS = 60_000
const RETENTION_MS = 3 * 86_400_000
const NOW = MONDAY + MINUTE_MS
/** When the last that was accepted on Monday is older than the retention. */
const FORGOTTEN_AT = Date.parse('2024-01-19T00:00:00Z')
const PARTITION = { topic: 'deliveries', partition: 0 }
const noChains = () => new NewestChains({} as never, silent)
const pastThatKnows = (over: Record<string, OverChain> = {}, chains = noChains()) => {
  const known = Object.entries(over).map(([chain, fate]): [string, OverChain] => [`${chain}/${MONDAY}`, fate])
  const among = () => Promise.resolve(new Map(known))
  return new UnknownPast({ among } as unknown as EndedChains, chains, RETENTION_MS, silent)
}
const recordOf = (id: string, timestamp: number, change: Partial<Delivery> = {}, partition = { lost: false }) => {
  const work = someWork({ id, chain: 0, acceptedAt: MONDAY, ...change }, partition)
  work.record.timestamp = timestamp
  return work
}

describe('a partition without a committed offset', () => {
  it('has what ended before completed without an attempt, and the rest done', async () => {
    const past = pastThatKnows({ 'dlv_ended/0': { hasEnded: true, newest: 2 } })
    past.takenOver([PARTITION], 1_000)
    const works = [recordOf('dlv_ended', 500), recordOf('dlv_open', 500)]
    expect(past.concerns(works.map(({ record }) => record))).toBe(true)
    const left = await past.withoutEnded(works, NOW)
    expect(left.map(({ delivery }) => delivery.id)).toEqual(['dlv_open'])
    expect(works.map(({ completed }) => completed)).toEqual([true, false])
  })

  it('leaves a chain that was replaced, of which no end is known, to be ended as everywhere', async () => {
    const chains = noChains()
    const past = pastThatKnows({ 'dlv_replaced/0': { hasEnded: false, newest: 2 } }, chains)
    past.takenOver([PARTITION], 1_000)
    const replaced = recordOf('dlv_replaced', 500)
    expect(await past.withoutEnded([replaced], NOW)).toEqual([replaced])
    expect(replaced.completed).toBe(false)
    expect(chains.isReplaced({ id: 'dlv_replaced', chain: 1, acceptedAt: MONDAY })).toBe(true)
    expect(chains.isReplaced({ id: 'dlv_replaced', chain: 2, acceptedAt: MONDAY })).toBe(false)
  })

  it('is trusted again for what was written after the takeover', () => {
    const past = pastThatKnows()
    past.takenOver([PARTITION], 1_000)
    expect(past.concerns([recordOf('dlv_new', 1_000).record])).toBe(false)
  })

  it('says nothing about other partitions', () => {
    const past = pastThatKnows()
    past.takenOver([{ topic: 'deliveries', partition: 7 }], 1_000)
    expect(past.concerns([recordOf('dlv_a', 500).record])).toBe(false)
  })

  it('sends nothing blindly while the read model is away', async () => {
    const among = () => Promise.reject(new Error('away'))
    const past = new UnknownPast({ among } as unknown as EndedChains, noChains(), RETENTION_MS, silent)
    past.takenOver([PARTITION], 1_000)
    await expect(past.withoutEnded([recordOf('dlv_a', 500)], NOW)).rejects.toThrow('away')
  })

  it('is asked about once: what comes again was given back by whoever holds it, and the read model may be away then', async () => {
    const among = vi.fn<() => Promise<Map<string, OverChain>>>().mockResolvedValueOnce(new Map())
    const past = new UnknownPast({ among } as unknown as EndedChains, noChains(), RETENTION_MS, silent)
    past.takenOver([PARTITION], 1_000)
    const [first, second, third] = [recordOf('dlv_a', 500), recordOf('dlv_b', 500), recordOf('dlv_c', 500)]
    await past.withoutEnded([first, second], NOW)
    expect(past.concerns([first.record, second.record])).toBe(false)
    expect(past.concerns([second.record, third.record])).toBe(true)
  })

  it('is asked about again where the partition was lost and its past is handed on, but not where it is known', async () => {
    const past = pastThatKnows()
    const again = recordOf('dlv_a', 500)
    past.takenOver([PARTITION], 1_000)
    await past.withoutEnded([again], NOW)
    past.lost([PARTITION])
    expect(past.concerns([again.record])).toBe(false)
    past.takenOver([PARTITION], 2_000)
    expect(past.concerns([again.record])).toBe(true)
  })

  it('is not known from an answer that came after the partition was lost', async () => {
    const past = pastThatKnows()
    past.takenOver([PARTITION], 1_000)
    const partition = { lost: false }
    const work = recordOf('dlv_a', 500, {}, partition)
    const asking = past.withoutEnded([work], NOW)
    partition.lost = true
    past.lost([PARTITION])
    past.takenOver([PARTITION], 2_000)
    await asking
    expect(past.concerns([work.record])).toBe(true)
  })
})

describe('what lies there and was accepted before what the read model keeps', () => {
  function aPast() {
    const warnings: object[] = []
    const asked: string[] = []
    const among = async (keys: ChainKey[]) => {
      asked.push(...keys.map(({ deliveryId }) => deliveryId))
      return new Map()
    }
    const logger = { warn: (fields: object) => warnings.push(fields) } as never
    const past = new UnknownPast({ among } as unknown as EndedChains, noChains(), RETENTION_MS, logger)
    past.takenOver([PARTITION], 1_000)
    warnings.length = 0
    return { past, warnings, asked }
  }

  it('is taken for done, with one warning: nobody knows of it, and it would all be sent again', async () => {
    const { past, warnings, asked } = aPast()
    const works = [recordOf('dlv_a', 500), recordOf('dlv_b', 500, { acceptedAt: FORGOTTEN_AT }), recordOf('dlv_c', 500)]
    const left = await past.withoutEnded(works, FORGOTTEN_AT)
    expect(left.map(({ delivery }) => delivery.id)).toEqual(['dlv_b'])
    expect(works.map(({ completed }) => completed)).toEqual([true, false, true])
    expect(asked).toEqual(['dlv_b'])
    expect(warnings).toEqual([{ ...PARTITION, deliveries: 2 }])
  })

  it('is asked about until its day is dropped as a whole', async () => {
    const { past, warnings } = aPast()
    const work = recordOf('dlv_a', 500)
    expect(await past.withoutEnded([work], FORGOTTEN_AT - 1)).toEqual([work])
    expect(warnings).toEqual([])
  })

  it('is attempted where it is not due yet: nobody can have done that', async () => {
    const { past } = aPast()
    const works = [0, 1].map((ms) => recordOf(`dlv_${ms}`, 500, { attempt: 2, notBefore: FORGOTTEN_AT + ms }))
    expect(await past.withoutEnded(works, FORGOTTEN_AT)).toEqual([works[1]])
  })

  it('is nothing special among what was written after the takeover', async () => {
    const { past } = aPast()
    const works = [recordOf('dlv_a', 500), recordOf('dlv_b', 1_000)]
    expect(await past.withoutEnded(works, FORGOTTEN_AT)).toEqual([works[1]])
  })
})
