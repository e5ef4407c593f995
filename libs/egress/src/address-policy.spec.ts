import fc from 'fast-check'
import ipaddr from 'ipaddr.js'
import { describe, expect, test } from 'vitest'
import { egressPolicy, isAllowedAddress, refusalOf, refusalOfAnswer, withoutDns64 } from './address-policy.js'
import { refusedBlocks } from './address-table.js'

const strict = egressPolicy({ allowedCidrs: [], allowedPorts: '443', allowHttp: false })

function withExceptions(...allowedCidrs: string[]) {
  return egressPolicy({ allowedCidrs, allowedPorts: '443', allowHttp: false })
}

test.each([
  '1.1.1.1',
  '8.8.8.8',
  '9.255.255.255',
  '11.0.0.0',
  '100.63.255.255',
  '100.128.0.0',
  '126.255.255.255',
  '128.0.0.0',
  '168.63.129.15',
  '168.63.129.17',
  '169.253.255.255',
  '169.255.0.0',
  '172.15.255.255',
  '172.32.0.0',
  '192.0.1.0',
  '192.0.3.0',
  '192.167.255.255',
  '192.169.0.0',
  '198.17.255.255',
  '198.20.0.0',
  '223.255.255.255',
  '2000::1',
  '2001:200::1',
  '2001:4860:4860::8888',
  '2606:4700:4700::1111',
  '2a00:1450:4001:81b::200e',
  '3ffe::1',
])('a public address is allowed: %s', (ip) => {
  expect(refusalOf(ip, strict)).toBeUndefined()
})

test.each([
  ['0.0.0.0', 'this host and network'],
  ['0.1.2.3', 'this host and network'],
  ['10.0.0.0', 'private network'],
  ['10.255.255.255', 'private network'],
  ['100.64.0.1', 'shared by carrier-grade NAT'],
  ['100.100.100.200', 'shared by carrier-grade NAT'],
  ['127.0.0.1', 'loopback'],
  ['127.255.255.254', 'loopback'],
  ['168.63.129.16', 'cloud platform service on a public address'],
  ['169.254.169.254', 'link-local, cloud metadata'],
  ['172.16.0.1', 'private network'],
  ['172.31.255.255', 'private network'],
  ['192.0.0.192', 'protocol assignments'],
  ['192.0.2.1', 'documentation'],
  ['192.88.99.1', '6to4 relay'],
  ['192.168.255.255', 'private network'],
  ['198.19.255.255', 'benchmarking'],
  ['198.51.100.1', 'documentation'],
  ['203.0.113.1', 'documentation'],
  ['224.0.0.1', 'multicast'],
  ['239.255.255.255', 'multicast'],
  ['240.0.0.1', 'reserved'],
  ['255.255.255.255', 'broadcast'],
  ['::', 'unspecified'],
  ['::1', 'loopback'],
  ['::ffff:127.0.0.1', 'IPv4-mapped'],
  ['::ffff:8.8.8.8', 'IPv4-mapped'],
  ['::ffff:a9fe:a9fe', 'IPv4-mapped'],
  ['::ffff:0:a9fe:a9fe', 'IPv4-translated'],
  ['::a9fe:a9fe', 'IPv4-compatible'],
  ['::7f00:1', 'IPv4-compatible'],
  ['64:ff9b::a9fe:a9fe', 'NAT64: leads to an IPv4 address of any kind'],
  ['64:ff9b::8.8.8.8', 'NAT64: leads to an IPv4 address of any kind'],
  ['64:ff9b:1::1', 'local NAT64'],
  ['64:ff9b:0:1::1', 'not global unicast'],
  ['::5efe:7f00:1', 'not global unicast'],
  ['100::1', 'discard'],
  ['2001::1', 'Teredo: carries an IPv4 address'],
  ['2001:2::1', 'protocol assignments'],
  ['2001:10::1', 'protocol assignments'],
  ['2001:1ff:ffff::1', 'protocol assignments'],
  ['2001:db8::1', 'documentation'],
  ['2002:7f00:1::', '6to4: carries an IPv4 address'],
  ['2620:4f:8000::1', 'AS112 sink'],
  ['3fff:fff::1', 'documentation'],
  ['2606:4700::5efe:7f00:1', 'ISATAP: carries an IPv4 address'],
  ['2606:4700::200:5efe:a9fe:a9fe', 'ISATAP: carries an IPv4 address'],
  ['4000::1', 'not global unicast'],
  ['5f00::1', 'not global unicast'],
  ['fc00::1', 'private network'],
  ['fd00:ec2::254', 'private network'],
  ['fe80::1', 'link-local'],
  ['fec0::1', 'site-local'],
  ['ff02::1', 'multicast'],
  ['1000::1', 'not global unicast'],
])('an address that is not public is refused: %s (%s)', (ip, reason) => {
  expect(refusalOf(ip, strict)).toBe(reason)
})

test.each([
  '',
  'localhost',
  '127.1',
  '0177.0.0.1',
  '0x7f.0.0.1',
  '2130706433',
  '8.8.8.8.',
  ' 8.8.8.8',
  '[2606::1]',
  '2606::1%eth0',
  'fe80::1%lo',
  '8.8.8.8/32',
])('what is not an address in canonical form is refused: "%s"', (text) => {
  expect(isAllowedAddress(text, strict)).toBe(false)
})

describe('an answer of the DNS', () => {
  test.each([
    [['1.1.1.1']],
    [['2606:4700::1']],
    [['1.1.1.1', '8.8.8.8', '9.9.9.9']],
    [['1.1.1.1', '2606:4700::1', '8.8.8.8', '2a00:1450::1']],
  ])('may be used when every address is public: %j', (addresses) => {
    expect(refusalOfAnswer(addresses, strict)).toBeUndefined()
  })

  const good = ['1.1.1.1', '2606:4700::1', '8.8.8.8']
  test.each(
    [
      '10.0.0.1',
      '127.0.0.1',
      '169.254.169.254',
      '0.0.0.0',
      '::1',
      '::ffff:1.1.1.1',
      'fd00::1',
      'fe80::1%eth0',
      '',
    ].flatMap((bad) => [0, 1, 2, 3].map((at) => [bad, at] as const)),
  )('is refused whole for one bad address: %s at place %i', (bad, at) => {
    expect(refusalOfAnswer(good.toSpliced(at, 0, bad), strict)).toMatchObject({ ip: bad })
  })

  test('is refused for one bad address among hundreds', () => {
    const many = Array.from({ length: 500 }, (_, index) => `8.8.${index >> 8}.${index & 255}`)
    expect(refusalOfAnswer(many, strict)).toBeUndefined()
    expect(refusalOfAnswer([...many, '192.168.0.1'], strict)).toEqual({ ip: '192.168.0.1', reason: 'private network' })
  })

  test('is judged anew each time: what was public a moment ago is not remembered', () => {
    const answers = [['1.1.1.1'], ['127.0.0.1'], ['1.1.1.1'], ['1.1.1.1', '127.0.0.1']]
    const verdicts = answers.map((addresses) => refusalOfAnswer(addresses, strict)?.ip)
    expect(verdicts).toEqual([undefined, '127.0.0.1', undefined, '127.0.0.1'])
  })
})

describe('an answer of a name server with DNS64', () => {
  test.each([
    [['8.8.8.8', '64:ff9b::808:808'], ['8.8.8.8']],
    [['64:ff9b::808:808', '8.8.8.8'], ['8.8.8.8']],
    [['8.8.8.8', '64:ff9b::8.8.8.8'], ['8.8.8.8']],
    [
      ['8.8.8.8', '64:ff9b::808:808', '1.1.1.1', '64:ff9b::101:101'],
      ['8.8.8.8', '1.1.1.1'],
    ],
    [
      ['8.8.8.8', '2606:4700::1'],
      ['8.8.8.8', '2606:4700::1'],
    ],
  ])('is used without what it adds: %j', (addresses, used) => {
    expect(withoutDns64(addresses, strict)).toEqual(used)
    expect(refusalOfAnswer(used, strict)).toBeUndefined()
  })

  test.each([
    ['another public address', ['8.8.8.8', '64:ff9b::808:809'], '64:ff9b::808:809'],
    ['a private address', ['8.8.8.8', '64:ff9b::a00:1'], '64:ff9b::a00:1'],
    ['the metadata of a cloud', ['8.8.8.8', '64:ff9b::808:808', '64:ff9b::a9fe:a9fe'], '64:ff9b::a9fe:a9fe'],
    ['an address without its own record', ['64:ff9b::808:808'], '64:ff9b::808:808'],
    ['a private address beside its own record', ['10.0.0.1', '64:ff9b::a00:1'], '10.0.0.1'],
    ['a public address beside another that is private', ['8.8.8.8', '64:ff9b::808:808', '10.0.0.1'], '10.0.0.1'],
    ['an address under a local prefix', ['8.8.8.8', '64:ff9b:1::808:808'], '64:ff9b:1::808:808'],
    ['an address mapped otherwise', ['8.8.8.8', '::ffff:808:808'], '::ffff:808:808'],
    ['an address with a zone', ['8.8.8.8', '64:ff9b::808:808%1'], '64:ff9b::808:808%1'],
  ])('is refused for %s', (_what, addresses, ip) => {
    expect(refusalOfAnswer(withoutDns64(addresses, strict), strict)).toMatchObject({ ip })
  })

  test('is used whole where the policy allows what it adds, so that machines without IPv4 have a way', () => {
    const addresses = ['8.8.8.8', '64:ff9b::808:808']
    expect(withoutDns64(addresses, withExceptions('64:ff9b::/96'))).toEqual(addresses)
  })

  test('is never used with more than was allowed without it', () => {
    const some = fc.array(fc.ipV4(), { maxLength: 3 })
    const mapped = (ip: string) => `64:ff9b::${ip}`
    fc.assert(
      fc.property(some, some, (own, added) => {
        const used = withoutDns64([...own, ...[...own, ...added].map(mapped)], strict)
        const isUsable = used.length > 0 && refusalOfAnswer(used, strict) === undefined
        return !isUsable || used.every((ip) => own.includes(ip))
      }),
    )
  })
})

describe('over the whole space', () => {
  const ipv4 = fc.ipV4()
  const ipv6 = fc
    .array(fc.integer({ min: 0, max: 0xffff }), { minLength: 8, maxLength: 8 })
    .map((groups) => groups.map((group) => group.toString(16)).join(':'))

  test("no IPv4 address is allowed that ipaddr.js's own table calls special", () => {
    fc.assert(fc.property(ipv4, (ip) => !isAllowedAddress(ip, strict) || ipaddr.parse(ip).range() === 'unicast'))
  })

  test('no IPv6 address outside 2000::/3 is allowed, nor one that ipaddr.js calls special', () => {
    const globalUnicast = ipaddr.IPv6.parseCIDR('2000::/3')
    fc.assert(
      fc.property(ipv6, (ip) => {
        const address = ipaddr.IPv6.parse(ip)
        return !isAllowedAddress(ip, strict) || (address.match(globalUnicast) && address.range() === 'unicast')
      }),
    )
  })

  test('an address within any block of the table is refused, and allowed when that block is an exception', () => {
    fc.assert(
      fc.property(
        fc.constantFrom(...refusedBlocks),
        fc.array(fc.nat(255), { minLength: 16, maxLength: 16 }),
        ({ cidr }, noise) => {
          const ip = addressWithin(cidr, noise)
          return !isAllowedAddress(ip, strict) && isAllowedAddress(ip, withExceptions(cidr))
        },
      ),
    )
  })

  test('every block is a valid CIDR whose address is its first', () => {
    for (const { cidr } of refusedBlocks) {
      const [address, bits] = ipaddr.parseCIDR(cidr)
      const bytes = address.toByteArray()
      const rest = bytes.flatMap((byte) => [...byte.toString(2).padStart(8, '0')]).slice(bits)
      expect({ cidr, rest: rest.includes('1') }).toEqual({ cidr, rest: false })
    }
  })
})

function addressWithin(cidr: string, noise: number[]): string {
  const [network, bits] = ipaddr.parseCIDR(cidr)
  const bytes = network.toByteArray().map((byte, index) => {
    const fixed = Math.min(8, Math.max(0, bits - index * 8))
    return byte | ((noise[index] ?? 0) & (0xff >> fixed))
  })
  return ipaddr.fromByteArray(bytes).toString()
}

describe('an exception', () => {
  test('opens its block and nothing beside it', () => {
    const policy = withExceptions('127.0.0.0/8', 'fd00::/8')
    expect(isAllowedAddress('127.9.9.9', policy)).toBe(true)
    expect(isAllowedAddress('fd12::1', policy)).toBe(true)
    expect(isAllowedAddress('::1', policy)).toBe(false)
    expect(isAllowedAddress('10.0.0.1', policy)).toBe(false)
    expect(isAllowedAddress('8.8.8.8', policy)).toBe(true)
  })

  test('for IPv4 does not open the mapped spelling', () => {
    expect(isAllowedAddress('::ffff:127.0.0.1', withExceptions('127.0.0.0/8'))).toBe(false)
  })

  test.each([
    '127.0.0.1',
    '127.0.0.0/33',
    '127.1/8',
    '10.0.0.0/8/8',
    'fd00::/129',
    '/8',
    'loopback',
    '10.0.0.0/-1',
    '10.0.0.0/ 8',
  ])('that is not a block is named: "%s"', (cidr) => {
    expect(() => withExceptions(cidr)).toThrow(`"${cidr}" is not a block of addresses: write it like 127.0.0.0/8`)
  })
})
