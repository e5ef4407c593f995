import { createHash, randomInt } from 'node:crypto'
import { crc32 } from 'node:zlib'

const PREFIX = 'cfk_'
const ALPHABET = '0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz'
const RANDOM_LENGTH = 30
/** 62^6 is more than 2^32: six characters hold any CRC32. */
const CHECKSUM_LENGTH = 6

const SHAPE = new RegExp(`^${PREFIX}([0-9A-Za-z]{${RANDOM_LENGTH}})([0-9A-Za-z]{${CHECKSUM_LENGTH}})$`)

/** A new key, `cfk_<30 base62><6 base62 checksum>`: 178 random bits, recognisable to secret scanners. */
export function createKey(): string {
  const random = Array.from({ length: RANDOM_LENGTH }, () => ALPHABET[randomInt(ALPHABET.length)]).join('')
  return PREFIX + random + checksumOf(random)
}

/** Whether this can be a key of ours at all: typing errors and random guesses are refused without a look-up. */
export function isWellFormedKey(text: string): boolean {
  const [, random, checksum] = SHAPE.exec(text) ?? []
  return random !== undefined && checksumOf(random) === checksum
}

/** What is stored and looked up instead of the key. A key is random throughout, so a plain hash is enough. */
export function hashOfKey(key: string): string {
  return createHash('sha256').update(key).digest('hex')
}

function checksumOf(random: string): string {
  let rest = crc32(random)
  let text = ''
  for (let i = 0; i < CHECKSUM_LENGTH; i++) {
    text = ALPHABET[rest % ALPHABET.length]! + text
    rest = Math.floor(rest / ALPHABET.length)
  }
  return text
}
