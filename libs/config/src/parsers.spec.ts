import { expect, test } from 'vitest'
import * as parsers from './parsers.js'

const KEY = Buffer.alloc(32, 1).toString('base64')
const level = parsers.oneOf('debug', 'info')

test.each<[string, (text: string) => unknown, string, unknown]>([
  ['a port', parsers.port, '65535', 65_535],
  ['a whole number', parsers.positiveInteger, '12', 12],
  ['a duration', parsers.duration, '3h36m', 12_960_000],
  ['true', parsers.flag, 'true', true],
  ['false', parsers.flag, 'false', false],
  ['a list, its blanks ignored', parsers.list, ' a, b ,,c,', ['a', 'b', 'c']],
  ['one of several words', level, 'info', 'info'],
  ['a rate', parsers.rate, '100/s', 100],
  ['a Postgres URL', parsers.postgresUrl, 'postgresql://u:p@h/d', 'postgresql://u:p@h/d'],
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
  [parsers.positiveInteger, ['0', '-3', '1.5', '1e3', 'twelve', '99999999999999999999']],
  [parsers.duration, ['10', '10 seconds']],
  [parsers.flag, ['1', 'yes', 'TRUE', 'on']],
  [level, ['Info', 'trace']],
  [parsers.rate, ['100', '0/s', '100/m', '-1/s', '1.5/s']],
  [parsers.postgresUrl, ['mysql://u:p@h/d', 'localhost:5432', 'http://postgres://x']],
  [parsers.brokers, [',', 'kafka-1', 'kafka-1:', 'kafka-1:9092,kafka-2', 'http://kafka:9092', 'kafka 1:9092']],
  [parsers.topicPrefix, ['my env.', 'ü.', 'a/b', 'x'.repeat(101)]],
  [parsers.addressBlocks, ['10.0.0.1', '10.0.0.0/33', 'localhost/8', '10.0.0.0/', 'fd00::/129', '10.0.0/8']],
  [parsers.portRanges, ['', 'https', '0', '443,', '65536', '2000-1000', '443-', '-443']],
  [parsers.keyRing, ['short', `${KEY},${KEY}`, `k1:${KEY},k1:${KEY}`, `K 1:${KEY}`, `${KEY}=`.slice(2)]],
])('%o refuses what is written otherwise', (parse, texts) => {
  for (const text of texts) expect(() => parse(text), text).toThrow(Error)
})

test('a file of authorities that cannot be read, or holds none, is told by its path', () => {
  expect(() => parsers.pemFile('/nonexistent/ca.pem')).toThrow('cannot read /nonexistent/ca.pem: ENOENT')
  expect(() => parsers.pemFile(import.meta.filename)).toThrow(/holds no PEM certificate/)
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
  expect(told(parsers.keyRing, 'k2:c2VjcmV0LWtleQ==,k1:b3RoZXI=')).not.toMatch(/c2VjcmV0|b3RoZXI/)
})
