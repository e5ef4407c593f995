import { createRequire } from 'node:module'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { murmur2, partitionOfKey } from './murmur2.js'

describe('the partition of a key', () => {
  it('is hashed as in kafkajs, and so as in the Java client', () => {
    const stock: (key: Buffer) => number = createRequire(import.meta.url)(
      'kafkajs/src/producer/partitioners/default/murmur2.js',
    )
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 60 }), (key) => {
        expect(murmur2(key)).toBe(stock(Buffer.from(key)) | 0)
      }),
    )
  })

  it('is the one that the Java client is known to choose', () => {
    expect(murmur2(Buffer.from('21'))).toBe(-973932308)
    expect(murmur2(Buffer.from('foobar'))).toBe(-790332482)
    expect(murmur2(Buffer.from('a-little-bit-long-string'))).toBe(-985981536)
  })

  it('is one of the topic’s', () => {
    fc.assert(
      fc.property(fc.uint8Array(), fc.integer({ min: 1, max: 1_000 }), (key, count) => {
        const partition = partitionOfKey(key, count)
        expect(partition).toBeGreaterThanOrEqual(0)
        expect(partition).toBeLessThan(count)
      }),
    )
  })
})
