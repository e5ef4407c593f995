import { mkdtempSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import * as parsers from './parsers.js'

const KEY = Buffer.alloc(32, 1).toString('base64')
const level = parsers.oneOf('debug', 'info')
const dozen = parsers.integerBetween(1, 12)
const seconds = parsers.durationBetween('100ms', '1m')

test.each<[string, (text: string) => unknown, string, unknown]>([
  ['a port', parsers.port, '65535', 65_535],
  ['the least whole number', dozen, '1', 1],
  ['the greatest whole number', dozen, '12', 12],
  ['a duration', parsers.duration, '3h36m', 12_960_000],
  ['the least duration', seconds, '100ms', 100],
  ['the longest duration', seconds, '60s', 60_000],
  ['true', parsers.flag, 'true', true],
  ['false', parsers.flag, 'false', false],
  ['a list, its blanks ignored', parsers.list, ' a, b ,,c,', ['a', 'b', 'c']],
  ['one of several words', level, 'info', 'info'],
  ['a rate', parsers.rate, '100/s', 100],
  ['the greatest rate', parsers.rate, '1000000/s', 1_000_000],
  ['a Postgres URL', parsers.postgresUrl, 'postgresql://u:p@h/d', 'postgresql://u:p@h/d'],
  ['a Postgres URL of a socket', parsers.postgresUrl, 'postgres://u:p@/d?host=/run', 'postgres://u:p@/d?host=/run'],
  ['a mail server', parsers.smtpUrl, 'smtp://127.0.0.1:25', 'smtp://127.0.0.1:25'],
  ['a mail server with a login', parsers.smtpUrl, 'smtps://u:p@mail', 'smtps://u:p@mail'],
  ['a sender', parsers.mailSender, 'webhooks@example.com', 'webhooks@example.com'],
  ['a sender with a name', parsers.mailSender, '"We, Inc." <a@localhost>', '"We, Inc." <a@localhost>'],
  ['brokers', parsers.brokers, 'kafka-1:9092, [::1]:9093', ['kafka-1:9092', '[::1]:9093']],
  ['a prefix', parsers.topicPrefix, 'staging_1.eu-', 'staging_1.eu-'],
  ['blocks of addresses', parsers.addressBlocks, '127.0.0.0/8,fd00::/8', ['127.0.0.0/8', 'fd00::/8']],
  ['no blocks', parsers.addressBlocks, '', []],
  ['ports', parsers.portRanges, '443, 1024-65535', '443, 1024-65535'],
  ['one sealing key', parsers.keyRing, KEY, KEY],
  ['several sealing keys', parsers.keyRing, `k2:${KEY},k1:${KEY}`, `k2:${KEY},k1:${KEY}`],
])('reads %s', (_, parse, text, value) => {
  expect(parse(text)).toEqual(value)
})

test.each<[(text: string) => unknown, string[]]>([
  [parsers.port, ['0', '65536', '80.0', '0x50', '-1', 'http', ' 80']],
  [dozen, ['0', '13', '-3', '1.5', '1e1', 'twelve', '99999999999999999999']],
  [parsers.duration, ['10', '10 seconds']],
  [seconds, ['0s', '99ms', '1m1ms', '10']],
  [parsers.retrySchedule, ['9ms,1s,1s,1s,1s', '1s,1s,1s,1s,7d1ms', '1s,1s,1s,1s']],
  [parsers.flag, ['1', 'yes', 'TRUE', 'on']],
  [level, ['Info', 'trace']],
  [parsers.rate, ['100', '0/s', '100/m', '-1/s', '1.5/s', '1000001/s', `${'9'.repeat(400)}/s`]],
  [parsers.postgresUrl, ['mysql://u:p@h/d', 'localhost:5432', 'http://postgres://x', 'postgres://']],
  [parsers.postgresUrl, ['postgres://u:p/q@h/d', 'postgres://u:p@h:65536/d', 'postgres://u:p@h h/d']],
  [parsers.smtpUrl, ['banana', 'ftp://x', 'smtp://', 'smtp:mail', 'smtps://u:p@', 'smtp://mail:65536', 'mail:25']],
  [parsers.mailSender, ['nope', '@', 'a@', '@b', 'a@b, c@d', 'A <a@b', 'A <a@b> <c@d>', 'A\nBcc: <a@b>']],
  [parsers.brokers, ['kafka:0', 'kafka:65536', 'kafka:9092:9093']],
  [parsers.brokers, [',', 'kafka-1', 'kafka-1:', 'kafka-1:9092,kafka-2', 'http://kafka:9092', 'kafka 1:9092']],
  [parsers.topicPrefix, ['my env.', 'ü.', 'a/b', 'x'.repeat(101)]],
  [
    parsers.addressBlocks,
    ['10.0.0.1', '10.0.0.0/33', 'localhost/8', '10.0.0.0/', 'fd00::/129', '10.0.0/8', 'fe80::1%eth0/64'],
  ],
  [parsers.addressBlocks, ['10.0.0.0/8/9', '10.0.0.0/8/', '/10.0.0.0/8', 'fd00::/8/8', '10.0.0.0//8', '10.0.0.0/ 8']],
  [parsers.portRanges, ['', 'https', '0', '443,', '65536', '2000-1000', '443-', '-443']],
  [parsers.keyRing, ['short', `${KEY},${KEY}`, `k1:${KEY},k1:${KEY}`, `K 1:${KEY}`, `${KEY}=`.slice(2)]],
])('%o refuses what is written otherwise', (parse, texts) => {
  for (const text of texts) expect(() => parse(text), text).toThrow(Error)
})

test('a file of authorities that cannot be read, or holds none, is told by its path', () => {
  expect(() => parsers.pemFile('/nonexistent/ca.pem')).toThrow('cannot read /nonexistent/ca.pem: ENOENT')
  expect(() => parsers.pemFile(join(import.meta.dirname, 'environment.ts'))).toThrow(/holds no PEM certificate/)
})

test('a file of authorities with one that is damaged is told, since TLS would pass over it or refuse everybody', () => {
  const path = join(mkdtempSync(join(tmpdir(), 'authorities-')), 'ca.pem')
  writeFileSync(path, '-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n')
  expect(() => parsers.pemFile(path)).toThrow(`${path} holds a certificate that cannot be read`)
  writeFileSync(path, '-----BEGIN CERTIFICATE-----\nAAAA\n')
  expect(() => parsers.pemFile(path)).toThrow(`${path} holds no PEM certificate`)
})

test('what is out of bounds is told with the bounds', () => {
  expect(() => seconds('0s')).toThrow('"0s" is not a duration from 100ms to 1m')
  expect(() => dozen('13')).toThrow('"13" is not a whole number from 1 to 12')
  expect(() => parsers.retrySchedule('1ms,1s,1s,1s,1s')).toThrow('"1ms,1s,1s,1s,1s" has waits that are not from 10ms')
})

test('what may hold a password or a key is not repeated in the problem', () => {
  const told = (parse: (text: string) => unknown, text: string) => {
    try {
      return String(parse(text))
    } catch (error) {
      return String(error)
    }
  }
  expect(told(parsers.postgresUrl, 'postgre://webhooks:hunter2@db')).not.toContain('hunter2')
  expect(told(parsers.postgresUrl, 'postgres://webhooks:hunter/2@db')).not.toContain('hunter')
  expect(told(parsers.smtpUrl, 'smpt://webhooks:hunter2@mail')).not.toContain('hunter2')
  expect(told(parsers.keyRing, 'k2:c2VjcmV0LWtleQ==,k1:b3RoZXI=')).not.toMatch(/c2VjcmV0|b3RoZXI/)
})
