const SEED = 0x9747b28c
const MIX = 0x5bd1e995

/** Kafka's own hash of a key (32 bits, signed); every standard client puts a key on the partition it gives. */
export function murmur2(key: Uint8Array): number {
  const length = key.length
  let hash = SEED ^ length
  let at = 0
  for (; at + 4 <= length; at += 4) {
    let word = key[at]! | (key[at + 1]! << 8) | (key[at + 2]! << 16) | (key[at + 3]! << 24)
    word = Math.imul(word, MIX)
    word ^= word >>> 24
    hash = Math.imul(hash, MIX) ^ Math.imul(word, MIX)
  }
  const rest = length - at
  if (rest === 3) hash ^= key[at + 2]! << 16
  if (rest >= 2) hash ^= key[at + 1]! << 8
  if (rest >= 1) hash = Math.imul(hash ^ key[at]!, MIX)
  hash ^= hash >>> 13
  hash = Math.imul(hash, MIX)
  return hash ^ (hash >>> 15)
}

/** The partition of a key among `count`, as the Java client's default partitioner chooses it. */
export function partitionOfKey(key: Uint8Array, count: number): number {
  return (murmur2(key) & 0x7fffffff) % count
}
