import { describe, expect, test } from 'vitest'
import { egressPolicy } from './address-policy.js'
import { checkUrl } from './check-url.js'

// The URL parser reads all of these as addresses, so each must be judged as the address that would be dialled. The same
// spelling of a public address is accepted, which shows that the spelling is one.
const strict = egressPolicy({ allowedCidrs: [], allowedPorts: '443,1024-65535', allowHttp: false })

type Octets = [number, number, number, number]
type Spelling = [what: string, write: (octets: Octets) => string]

const dword = ([a, b, c, d]: Octets): number => ((a << 24) | (b << 16) | (c << 8) | d) >>> 0
const dotted = (octets: Octets): string => octets.join('.')
const hex = (part: number): string => `0x${part.toString(16)}`
const octal = (part: number): string => `0${part.toString(8)}`
const withDigits = (text: string, zero: number): string =>
  text.replace(/\d/g, (digit) => String.fromCodePoint(zero + Number(digit)))
const circled = (text: string): string =>
  text.replace(/\d/g, (digit) => String.fromCodePoint(digit === '0' ? 0x24ea : 0x245f + Number(digit)))
const escaped = (text: string): string =>
  [...text].map((character) => `%${character.charCodeAt(0).toString(16)}`).join('')

const spellings: Spelling[] = [
  ['plain', dotted],
  ['with a dot at its end', (octets) => `${dotted(octets)}.`],
  ['one number', (octets) => String(dword(octets))],
  ['one number with a dot at its end', (octets) => `${dword(octets)}.`],
  ['one hex number', (octets) => hex(dword(octets))],
  ['one hex number in capitals', (octets) => `0X${dword(octets).toString(16).toUpperCase()}`],
  ['one hex number after zeros', (octets) => `0x0000000000${dword(octets).toString(16)}`],
  ['one octal number', (octets) => octal(dword(octets))],
  ['one octal number after zeros', (octets) => `0000000${octal(dword(octets))}`],
  ['two parts', ([a, b, c, d]) => `${a}.${(b << 16) | (c << 8) | d}`],
  ['two parts in hex', ([a, b, c, d]) => `${hex(a)}.${hex((b << 16) | (c << 8) | d)}`],
  ['three parts', ([a, b, c, d]) => `${a}.${b}.${(c << 8) | d}`],
  ['three parts in octal', ([a, b, c, d]) => `${octal(a)}.${octal(b)}.${octal((c << 8) | d)}`],
  ['four parts in hex', (octets) => octets.map(hex).join('.')],
  ['four parts in hex capitals', (octets) => octets.map((part) => hex(part).toUpperCase()).join('.')],
  ['four parts in octal', (octets) => octets.map(octal).join('.')],
  ['octal after many zeros', (octets) => octets.map((part) => `00000${octal(part)}`).join('.')],
  ['mixed', ([a, b, c, d]) => `${hex(a)}.${b}.${octal(c)}.${d}`],
  ['mixed in two parts', ([a, b, c, d]) => `${octal(a)}.${hex((b << 16) | (c << 8) | d)}`],
  ['full-width digits', (octets) => withDigits(dotted(octets), 0xff10)],
  ['bold digits', (octets) => withDigits(dotted(octets), 0x1d7ce)],
  ['double-struck digits', (octets) => withDigits(dotted(octets), 0x1d7d8)],
  ['monospace digits', (octets) => withDigits(dotted(octets), 0x1d7f6)],
  ['subscript digits', (octets) => withDigits(dotted(octets), 0x2080)],
  ['circled digits', (octets) => circled(dotted(octets))],
  ['ideographic dots', (octets) => octets.join('\u3002')],
  ['full-width dots', (octets) => octets.join('\uff0e')],
  ['half-width ideographic dots', (octets) => octets.join('\uff61')],
  ['full-width digits and dots', (octets) => withDigits(octets.join('\uff0e'), 0xff10)],
  ['full-width hex', (octets) => withDigits(hex(dword(octets)), 0xff10).replace('x', '\uff58')],
  ['percent escapes', (octets) => escaped(dotted(octets))],
  ['one percent escape', (octets) => dotted(octets).replace('.', '%2e')],
  ['percent escapes of a full-width dot', (octets) => octets.join('%EF%BC%8E')],
  ['percent escapes of one number', (octets) => escaped(String(dword(octets)))],
  ['a soft hyphen', (octets) => dotted(octets).replace('.', '\u00ad.')],
  ['an escaped soft hyphen', (octets) => dotted(octets).replace('.', '.%C2%AD')],
  ['a zero-width space', (octets) => dotted(octets).replace('.', '\u200b.')],
  ['a word joiner', (octets) => `\u2060${dotted(octets)}`],
  ['a variation selector', (octets) => `${dotted(octets)}\ufe0f`],
]

const notPublic: [string, Octets][] = [
  ['loopback', [127, 0, 0, 1]],
  ['all of this machine', [0, 0, 0, 0]],
  ['private network 10', [10, 11, 12, 13]],
  ['private network 172', [172, 16, 0, 1]],
  ['private network 192', [192, 168, 1, 1]],
  ['cloud metadata', [169, 254, 169, 254]],
  ['cloud metadata of shared space', [100, 100, 100, 200]],
  ['a cloud service on a public address', [168, 63, 129, 16]],
]

describe.each(spellings)('an address as %s', (_what, write) => {
  test.each(notPublic)('is refused when it is %s', (_name, octets) => {
    expect(problemOf(write(octets))).toMatch(/^leads to an address that is not public \(/)
  })

  test('is taken, and dialled in plain form, when it is public', () => {
    const checked = checkUrl(`https://${write([93, 184, 215, 14])}:8443/`, strict)
    expect(checked.ok && checked.url.hostname).toBe('93.184.215.14')
  })
})

test.each([
  '[::1]',
  '[::]',
  '[0000:0000:0000:0000:0000:0000:0000:0001]',
  '[0:0:0:0:0:0:0.0.0.1]',
  '[::0.0.0.1]',
  '[::ffff:127.0.0.1]',
  '[::FFFF:7F00:1]',
  '[0:0:0:0:0:FFFF:127.0.0.1]',
  '[::ffff:0:127.0.0.1]',
  '[::127.0.0.1]',
  '[64:ff9b::127.0.0.1]',
  '[64:FF9B:1::10.0.0.1]',
  '[2002:a9fe:a9fe::]',
  '[2001:0:7f00:1::]',
  '[2606:4700::5efe:10.0.0.1]',
  '[2606:4700::200:5EFE:169.254.169.254]',
  '[FC00::]',
  '[fdff:ffff:ffff:ffff:ffff:ffff:ffff:ffff]',
  '[fd00:ec2::254]',
  '[FE80::1]',
  '[fec0::1]',
  '[ff02::1]',
  '[100::1]',
  '[2001:db8::1]',
  '[3fff::1]',
  '[5f00::1]',
])('an IPv6 address that is not public is refused: %s', (host) => {
  expect(problemOf(host)).toMatch(/^leads to an address that is not public \(/)
})

test.each([
  '[2606:4700:4700::1111]',
  '[2606:4700:4700:0:0:0:0:1111]',
  '[2606:4700:4700:0000:0000:0000:0000:1111]',
  '[2606:4700:4700::0.0.17.17]',
  '[2606:4700:4700::1111]'.toUpperCase(),
])('a public IPv6 address is taken and dialled in plain form: %s', (host) => {
  const checked = checkUrl(`https://${host}/`, strict)
  expect(checked.ok && checked.url.hostname).toBe('[2606:4700:4700::1111]')
})

test.each([
  // A zone picks one of our interfaces.
  '[fe80::1%25lo]',
  '[fe80::1%lo]',
  '[fe80::1%251]',
  '[::1%25lo]',
  '[2606:4700::1%25eth0]',
  // Not addresses, though other parsers take some of them for one.
  '[127.0.0.1]',
  '[::1].',
  '[::1]x',
  '[v1.fe80::1]',
  '[::ffff:127.0.0.0x1]',
  '[::ffff:0177.0.0.1]',
  '[1:2:3:4:5:6:7]',
  '[%3A%3A1]',
  '%5B::1%5D',
  '127.0.0.1.1',
  '127.0.0.256',
  '127.0.0.08',
  '0x100000000',
  '4294967296',
  '127.0.0.1%00',
  '127.0.0.1%20',
  '127.0.0.1%2f',
  '127.0.0.1%0d%0a',
  '1.2.3.4.5',
  'example.0x7f000001',
  'example.127',
  '127。0。0。1。1',
])('what is no address in any spelling is no URL: %s', (host) => {
  expect(problemOf(host)).toBe('is not a valid URL')
})

test.each([
  'https://127.0.0.1\\.example.com/',
  'https://127.0.0.1\\@example.com/',
  'https://127.0.0.1?.example.com/',
  'https://127.0.0.1/@example.com/',
  'https://127.0.0.1:443/',
  'https://127.0.0.1:0443/',
  'https://127.1:8443/',
  'HTTPS://127.1/',
])('the host is what stands before the first slash, backslash or question mark: %s', (url) => {
  const checked = checkUrl(url, strict)
  expect(!checked.ok && checked.problem).toMatch(/^leads to an address that is not public \(/)
})

test.each([
  'https://example.com@127.0.0.1/',
  'https://example.com%40127.0.0.1/',
  'https://example.com:443@127.0.0.1/',
  'https://127.0.0.1@example.com/',
  'https://example.com#@127.0.0.1/',
  'https://example.com:443:443/',
  'https://example.com:-1/',
  'https://example.com:65536/',
  'https://example.com:0x1bb/',
  'https://example.com:４４３/',
])('a URL that parsers read in different ways is refused: %s', (url) => {
  expect(checkUrl(url, strict).ok).toBe(false)
})

test.each([
  'localhost',
  'LOCALHOST',
  'localhost.',
  'a.localhost',
  'a.b.LocalHost.',
  'ｌｏｃａｌｈｏｓｔ',
  'ⓛⓞⓒⓐⓛⓗⓞⓢⓣ',
  'local\u00adhost',
  'loc%61lhost',
  '%6c%6f%63%61%6c%68%6f%73%74',
  'a。localhost',
  'ⅼocalhost',
  'localhoſt',
])('localhost is loopback, however it is spelled: %s', (host) => {
  expect(problemOf(host)).toBe('leads to an address that is not public (loopback)')
})

function problemOf(host: string): string | undefined {
  const checked = checkUrl(`https://${host}/`, strict)
  return checked.ok ? undefined : checked.problem
}
