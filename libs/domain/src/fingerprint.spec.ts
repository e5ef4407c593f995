import { expect, test } from 'vitest'
import { FINGERPRINT_WORDS, fingerprint } from './fingerprint.js'

const COUNT = 100_000

function all(keyOf: (i: number) => string): Uint32Array[] {
  return Array.from({ length: COUNT }, (_, i) => {
    const words = new Uint32Array(FINGERPRINT_WORDS)
    fingerprint(keyOf(i), words)
    return words
  })
}

const alike: Record<string, (i: number) => string> = {
  'a number at the end': (i) => `acc_1/evt_${i}`,
  'a number in the middle': (i) => `dlv_${String(i).padStart(32, '0')}/0/1`,
  'their length': (i) => 'x'.repeat(i % 300) + String.fromCodePoint(0x100 + Math.floor(i / 300)),
  'parts that changed places': (i) => `${i % 317}/${Math.floor(i / 317)}`,
}

test.each(Object.entries(alike))('keys that differ by %s have fingerprints that differ', (_, keyOf) => {
  const prints = all(keyOf)
  expect(new Set(prints.map((words) => words.join())).size).toBe(COUNT)
  // Any two of the words alone: among 100,000 random pairs of 64 bits one is found twice once in four billion runs.
  for (const left of [0, 1, 2]) {
    const pairs = prints.map((words) => words.filter((__, word) => word !== left).join())
    expect(new Set(pairs).size).toBe(COUNT)
  }
})

test('every bit is set in half of the fingerprints', () => {
  const prints = all((i) => `acc_1/evt_${i}`)
  for (let bit = 0; bit < 32 * FINGERPRINT_WORDS; bit++) {
    const set = prints.filter((words) => (words[bit >> 5]! >>> (bit & 31)) & 1).length
    expect(set / COUNT).toBeCloseTo(0.5, 1)
  }
})

test('the same key has the same one', () => {
  const [first, second] = [new Uint32Array(3), new Uint32Array(3)]
  fingerprint('acc_1/evt_1', first)
  fingerprint('acc_1/evt_1', second)
  expect(first).toEqual(second)
})
