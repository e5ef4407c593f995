import { afterEach, describe, expect, it } from 'vitest'
import type { ActiveKey } from '#postgres'
import { hashOfKey } from './key-format.js'
import { KnownKeys } from './known-keys.js'

const row = (id: string, more: Partial<ActiveKey> = {}): ActiveKey => ({
  id,
  accountId: 'acc_1',
  scopes: ['webhooks:read'],
  hash: hashOfKey(id),
  ...more,
})

describe('known keys', () => {
  it('are owned by whom the row says, the latest of them', () => {
    const known = new KnownKeys()
    known.add([row('key_1')])
    const { hash } = row('key_1')
    const before = known.ownerOf(hash)

    known.add([row('key_1')])
    expect(known.ownerOf(hash)).toBe(before)
    for (const more of [{ accountId: null }, { scopes: ['events:write'] }, { scopes: [] }]) {
      known.add([row('key_1', more)])
      const { accountId, scopes } = row('key_1', more)
      expect(known.ownerOf(hash)).toMatchObject({ keyId: 'key_1', accountId, scopes: new Set(scopes) })
    }
    expect(known.size).toBe(1)
  })

  it('are forgotten by their whole hash', () => {
    const known = new KnownKeys()
    const { hash } = row('key_1')
    known.add([row('key_1')])

    known.remove([row('key_2'), row('key_1', { hash: hash.slice(0, 32) + '0'.repeat(32) })])
    expect(known.ownerOf(hash)?.keyId).toBe('key_1')
    known.remove([row('key_1')])

    expect(known.ownerOf(hash)).toBeUndefined()
    expect(known.size).toBe(0)
  })

  it('are those that a round has seen and those that came meanwhile; one that was broken off takes nothing away', async () => {
    const known = new KnownKeys()
    known.add([row('key_1'), row('key_2'), row('key_3')])
    known.beginRound()
    known.add([row('key_1')])

    known.beginRound()
    known.add([row('key_2'), row('key_4')])
    expect(known.size).toBe(4)
    await known.endRound()

    const ids = ['key_1', 'key_2', 'key_3', 'key_4']
    expect(ids.filter((id) => known.ownerOf(hashOfKey(id)))).toEqual(['key_2', 'key_4'])
  })

  describe('when there are many', () => {
    let turns = 0
    let isCounting = true
    afterEach(() => (isCounting = false))

    it('are gone through a few thousand at a time, and others have their turn in between', async () => {
      const known = new KnownKeys()
      known.add(Array.from({ length: 30_000 }, (_, n) => row(`key_${n}`)))
      known.beginRound()
      const count = () => {
        turns++
        if (isCounting) setImmediate(count)
      }
      setImmediate(count)

      await known.endRound()

      expect(turns).toBeGreaterThanOrEqual(5)
      expect(known.size).toBe(0)
    })
  })
})
