import { describe, expect, it } from 'vitest'
import { ProducerIdentity } from './producer-identity.js'

describe('ProducerIdentity', () => {
  it('numbers each partition by itself, without a gap', () => {
    const identity = new ProducerIdentity(9n, 1)
    const firsts = [
      identity.next({ topic: 't', partition: 0 }, 3),
      identity.next({ topic: 't', partition: 1 }, 5),
      identity.next({ topic: 't', partition: 0 }, 1),
      identity.next({ topic: 't', partition: 0 }, 1),
    ].map(({ firstSequence }) => firstSequence)
    expect(firsts).toEqual([0, 0, 3, 4])
  })

  it('begins again at 0 after 31 bits, as the broker expects', () => {
    const identity = new ProducerIdentity(9n, 1)
    identity.next({ topic: 't', partition: 0 }, 2 ** 31 - 2)
    expect(identity.next({ topic: 't', partition: 0 }, 5).firstSequence).toBe(2 ** 31 - 2)
    expect(identity.next({ topic: 't', partition: 0 }, 1).firstSequence).toBe(3)
  })
})
