import { describe, expect, it } from 'vitest'
import { encodeDeadLetter, encodeUndecodable } from '#topics'
import { aDelivery } from '../../../../libs/domain/src/builders.testing.js'
import { asConsumed } from '../deliveries/consumed-records.testing.js'
import { deadLetterFrom, deliveryOf, keyOf, latestChains, nextChainOf, redeliveryRequested } from './dead-letter.js'

describe('a dead letter', () => {
  const givenUp = aDelivery({
    attempt: 6,
    chain: 2,
    notBefore: 5,
    chainStartedAt: 1,
    isDeferred: true,
    deferredSince: 2,
  })

  it('is the delivery that was given up, with the reason', () => {
    const letter = deadLetterFrom(asConsumed(encodeDeadLetter('dead', givenUp, 'exhausted')))

    expect(letter).toMatchObject({ reason: 'exhausted', delivery: { id: givenUp.id, chain: 2, attempt: 6 } })
    expect(letter.delivery?.body).toEqual(givenUp.body)
  })

  it('is an unreadable record with its problem and where it was', () => {
    const record = asConsumed({ topic: 'delivery-log', key: 'k', value: 'x', headers: {} })
    const origin = { topic: 'delivery-log', partition: 3, offset: 17 }

    const letter = deadLetterFrom(asConsumed(encodeUndecodable('dead', record, origin, 'the value is not JSON')))

    expect(letter).toMatchObject({
      reason: 'undecodable',
      problem: 'the value is not JSON',
      origin: 'delivery-log/3/17',
      delivery: null,
    })
  })

  it('is replayed as the first attempt of the next chain, with the same bytes', () => {
    const again = nextChainOf(givenUp)

    expect(again).toEqual({
      ...givenUp,
      trigger: 'redelivery',
      chain: 3,
      attempt: 1,
      notBefore: null,
      chainStartedAt: null,
      isDeferred: false,
      deferredSince: null,
    })
    expect(redeliveryRequested(again, 99)).toMatchObject({ at: 99, delivery: { deliveryId: givenUp.id, chain: 3 } })
  })

  it('has a key that tells its delivery and when its event was accepted', () => {
    expect(deliveryOf(keyOf(givenUp))).toEqual({ id: givenUp.id, acceptedAt: givenUp.acceptedAt })
  })

  it('counts by the latest chain of its delivery', () => {
    const chains = new Map<string, number>()

    latestChains(
      [
        { id: 'a', chain: 1, acceptedAt: 0 },
        { id: 'b', chain: 0, acceptedAt: 0 },
        { id: 'a', chain: 0, acceptedAt: 0 },
        { id: 'a', chain: 0, acceptedAt: 259_200_000 },
      ],
      chains,
    )
    latestChains([{ id: 'b', chain: 4, acceptedAt: 0 }], chains)

    expect(chains).toEqual(
      new Map([
        ['a/0', 1],
        ['b/0', 4],
        ['a/259200000', 0],
      ]),
    )
  })
})
