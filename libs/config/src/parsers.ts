import { X509Certificate } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { isIP } from 'node:net'
import { RetrySchedule, formatDuration, parseDuration } from '#domain'
import { parseKeyRing } from '#signing'

export function text(value: string): string {
  return value
}

export function duration(value: string): number {
  return parseDuration(value)
}

/** Both ends are allowed, written as an operator would. */
export function durationBetween(least: string, longest: string): (value: string) => number {
  return (value) => {
    const ms = parseDuration(value)
    if (ms < parseDuration(least) || ms > parseDuration(longest)) {
      throw new Error(`"${value}" is not a duration from ${least} to ${longest}`)
    }
    return ms
  }
}

export function port(value: string): number {
  return within(value, 1, 65_535, 'a port number')
}

export function integerBetween(least: number, most: number): (value: string) => number {
  return (value) => within(value, least, most, `a whole number from ${least} to ${most}`)
}

/** Shorter, and a tier does nothing but go round: each wait is a write and a read of the log. */
const SHORTEST_WAIT_MS = 10
/** Longer, and five of them outlast what most brokers and read models keep. */
const LONGEST_WAIT_MS = 7 * 86_400_000

export function retrySchedule(value: string): RetrySchedule {
  const schedule = RetrySchedule.parse(value)
  if (schedule.shortestMs < SHORTEST_WAIT_MS || schedule.longestMs > LONGEST_WAIT_MS) {
    const allowed = `from ${formatDuration(SHORTEST_WAIT_MS)} to ${formatDuration(LONGEST_WAIT_MS)}`
    throw new Error(`"${value}" has waits that are not ${allowed}`)
  }
  return schedule
}

export function flag(value: string): boolean {
  if (value === 'true') return true
  if (value === 'false') return false
  throw new Error(`"${value}" is neither true nor false`)
}

export function list(value: string): string[] {
  return value
    .split(',')
    .map((part) => part.trim())
    .filter((part) => part !== '')
}

/** Bootstrap servers: at least one, each with its port, since Kafka has no default that everybody shares. */
export function brokers(value: string): string[] {
  const each = list(value)
  const wrong = each.find((broker) => !isBroker(broker))
  if (wrong !== undefined) throw new Error(`"${wrong}" is not host:port`)
  if (each.length === 0) throw new Error('names no server: write it like kafka-1:9092,kafka-2:9092')
  return each
}

function isBroker(text: string): boolean {
  const [, port] = /^(?:\[[^\s/\]]+\]|[^\s/:]+):(\d{1,5})$/.exec(text) ?? []
  return Number(port) >= 1 && Number(port) <= 65_535
}

/** What Kafka allows in a topic's name; the broker would refuse the rest much later, one topic at a time. */
export function topicPrefix(value: string): string {
  if (!/^[A-Za-z0-9._-]{0,100}$/.test(value)) throw new Error(`"${value}" has more than letters, digits and . _ -`)
  return value
}

export function addressBlocks(value: string): string[] {
  return list(value).map((block) => {
    // A zone (fe80::1%eth0) is of an address, not of a block.
    const [, address = '', bits] = /^([^/%]+)\/(\d{1,3})$/.exec(block) ?? []
    const widest = isIP(address) === 6 ? 128 : 32
    if (isIP(address) === 0 || Number(bits) > widest) {
      throw new Error(`"${block}" is not a block of addresses: write it like 10.0.0.0/8 or fd00::/8`)
    }
    return block
  })
}

/** Checked here, so that it is reported with every other problem; read again where it is used. */
export function portRanges(value: string): string {
  for (const part of value.split(',')) {
    const [, first, last = first] = /^(\d{1,5})(?:-(\d{1,5}))?$/.exec(part.trim()) ?? []
    if (!(Number(first) >= 1 && Number(first) <= Number(last) && Number(last) <= 65_535)) {
      throw new Error(`"${part.trim()}" is not a port or a range of ports: write them like 443,1024-65535`)
    }
  }
  return value
}

/** The keys stay text until something is sealed or opened. No message repeats them. */
export function keyRing(value: string): string {
  try {
    parseKeyRing(value)
  } catch (error) {
    // The reader of the variable names it already.
    throw new Error(error instanceof Error ? error.message.replace(/^SECRETS_KEY[, ]*/, '') : String(error))
  }
  return value
}

export function oneOf<T extends string>(...choices: T[]): (value: string) => T {
  return (value) => {
    const choice = choices.find((each) => each === value)
    if (choice === undefined) throw new Error(`"${value}" is not one of ${choices.join(', ')}`)
    return choice
  }
}

/** More than any replica answers: as good as no limit. */
const HIGHEST_RATE = 1_000_000

/** Requests per second, written `100/s`. */
export function rate(value: string): number {
  const [, count] = /^(\d+)\/s$/.exec(value) ?? []
  if (!(Number(count) >= 1 && Number(count) <= HIGHEST_RATE)) {
    throw new Error(`"${value}" is not a rate from 1/s to ${HIGHEST_RATE}/s: write it like 100/s`)
  }
  return Number(count)
}

export function postgresUrl(value: string): string {
  // Of a socket it has a user and no host, which pg takes and a URL may not have.
  const canBeRead = URL.canParse(value.replace('@/', '@localhost/'))
  if (!/^postgres(ql)?:\/\/./.test(value) || !canBeRead) {
    // The value itself may hold a password: it is not repeated.
    throw new Error('not a Postgres URL: write it like postgres://user:password@host:5432/database')
  }
  return value
}

export function smtpUrl(value: string): string {
  if (!/^smtps?:\/\//.test(value) || !URL.canParse(value) || new URL(value).hostname === '') {
    // It may hold a password, as well.
    throw new Error('not a mail server: write it like smtps://user:password@host or smtp://host:25')
  }
  return value
}

/** One mailbox, alone or behind a name: what a mail server wants to be told as the sender. */
export function mailSender(value: string): string {
  if (!/^(?:[^<>\r\n]*<[^\s<>,@]+@[^\s<>,@]+>|[^\s<>,@]+@[^\s<>,@]+)$/.test(value)) {
    throw new Error(`"${value}" has no address: write it like webhooks@example.com or Webhooks <webhooks@example.com>`)
  }
  return value
}

/** Reads the certificates of a PEM file, so that a wrong path is told at start-up with all other mistakes. */
export function pemFile(path: string): string {
  let pem: string
  try {
    pem = readFileSync(path, 'utf8')
  } catch (error) {
    throw new Error(`cannot read ${path}: ${(error as NodeJS.ErrnoException).code ?? String(error)}`)
  }
  const certificates = pem.match(/-----BEGIN CERTIFICATE-----[^]+?-----END CERTIFICATE-----/g)
  if (!certificates) throw new Error(`${path} holds no PEM certificate`)
  if (!certificates.every(isCertificate)) throw new Error(`${path} holds a certificate that cannot be read`)
  return pem
}

function isCertificate(pem: string): boolean {
  try {
    return new X509Certificate(pem).subject !== undefined
  } catch {
    return false
  }
}

function within(value: string, least: number, most: number, what: string): number {
  const number = Number(value)
  if (!/^\d+$/.test(value) || number < least || number > most) throw new Error(`"${value}" is not ${what}`)
  return number
}
