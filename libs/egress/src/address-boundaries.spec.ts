import { expect, test } from 'vitest'
import { egressPolicy, refusalOf } from './address-policy.js'

const strict = egressPolicy({ allowedCidrs: [], allowedPorts: '443', allowHttp: false })

// Written by hand and not computed from the table, so that neither can hide the other's mistake. A range without a last
// address before or a first one after borders on another refused block, or on the end of the space.
const ranges: [what: string, before: string, first: string, last: string, after: string][] = [
  ['this network', '', '0.0.0.0', '0.255.255.255', '1.0.0.0'],
  ['private network 10', '9.255.255.255', '10.0.0.0', '10.255.255.255', '11.0.0.0'],
  ['carrier-grade NAT', '100.63.255.255', '100.64.0.0', '100.127.255.255', '100.128.0.0'],
  ['loopback', '126.255.255.255', '127.0.0.0', '127.255.255.255', '128.0.0.0'],
  ["a cloud's service network", '161.25.255.255', '161.26.0.0', '161.26.255.255', '161.27.0.0'],
  ["a cloud's service network", '166.7.255.255', '166.8.0.0', '166.11.255.255', '166.12.0.0'],
  ["a cloud's platform service", '168.63.129.15', '168.63.129.16', '168.63.129.16', '168.63.129.17'],
  ['link-local', '169.253.255.255', '169.254.0.0', '169.254.255.255', '169.255.0.0'],
  ['private network 172', '172.15.255.255', '172.16.0.0', '172.31.255.255', '172.32.0.0'],
  ['protocol assignments', '191.255.255.255', '192.0.0.0', '192.0.0.255', '192.0.1.0'],
  ['documentation 1', '192.0.1.255', '192.0.2.0', '192.0.2.255', '192.0.3.0'],
  ['AS112 by DNAME', '192.31.195.255', '192.31.196.0', '192.31.196.255', '192.31.197.0'],
  ['multicast tunnels', '192.52.192.255', '192.52.193.0', '192.52.193.255', '192.52.194.0'],
  ['6to4 relays', '192.88.98.255', '192.88.99.0', '192.88.99.255', '192.88.100.0'],
  ['private network 192', '192.167.255.255', '192.168.0.0', '192.168.255.255', '192.169.0.0'],
  ['AS112 direct', '192.175.47.255', '192.175.48.0', '192.175.48.255', '192.175.49.0'],
  ['benchmarking', '198.17.255.255', '198.18.0.0', '198.19.255.255', '198.20.0.0'],
  ['documentation 2', '198.51.99.255', '198.51.100.0', '198.51.100.255', '198.51.101.0'],
  ['documentation 3', '203.0.112.255', '203.0.113.0', '203.0.113.255', '203.0.114.0'],
  ['multicast and reserved', '223.255.255.255', '224.0.0.0', '255.255.255.255', ''],

  ['below global unicast', '', '::', '1fff:ffff:ffff:ffff:ffff:ffff:ffff:ffff', '2000::'],
  ['IPv6 protocol assignments', '2000:ffff:ffff:ffff:ffff:ffff:ffff:ffff', '2001::', '2001:1ff:ffff::', '2001:200::'],
  ['IPv6 documentation', '2001:db7:ffff:ffff:ffff:ffff:ffff:ffff', '2001:db8::', '2001:db8:ffff::', '2001:db9::'],
  ['6to4', '2001:ffff:ffff:ffff:ffff:ffff:ffff:ffff', '2002::', '2002:ffff:ffff::', '2003::'],
  ['AS112 in IPv6', '2620:4f:7fff:ffff::', '2620:4f:8000::', '2620:4f:8000:ffff::', '2620:4f:8001::'],
  ['second IPv6 documentation', '3ffe:ffff::', '3fff::', '3fff:fff:ffff::', '3fff:1000::'],
  ['above global unicast', '3fff:ffff:ffff::', '4000::', 'ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff', ''],
]

test.each(ranges)('%s: just before %s, from %s to %s, just after %s', (_what, before, first, last, after) => {
  for (const ip of [first, last]) expect(refusalOf(ip, strict), ip).toBeDefined()
  for (const ip of [before, after].filter(Boolean)) expect(refusalOf(ip, strict), ip).toBeUndefined()
})

test.each([
  // Between neighbouring blocks, and just beside what only looks like one of them.
  '192.0.1.1',
  '192.88.98.1',
  '172.15.0.1',
  '172.33.0.1',
  '169.253.169.254',
  '168.63.128.16',
  '100.128.100.200',
  '198.16.0.1',
  '2001:4860:4860::8888',
  '2001:500:2::c',
  '2001:67c:2e8:22::c100:68b',
  '2400:cb00:2048:1::1',
  '2600:1f18::1',
  '2606:2800:220:1:248:1893:25c8:1946',
  '2620:fe::fe',
  '2800:3f0:4001::200e',
  '2a02:6b8::2:242',
  '2c0f:fb50:4002::1',
  // Interface identifiers that are near ISATAP's and are not.
  '2606:4700::5eff:7f00:1',
  '2606:4700::100:5efe:7f00:1',
  '2606:4700::5efe:0:7f00:1',
  // An address within these says nothing about where the packet goes.
  '2606:4700::7f00:1',
  '2606:4700::ffff:7f00:1',
])('a receiver may live at %s', (ip) => {
  expect(refusalOf(ip, strict)).toBeUndefined()
})

test.each([
  ['AWS, Google, Azure, OpenStack, Oracle, DigitalOcean', '169.254.169.254'],
  ['AWS in IPv6', 'fd00:ec2::254'],
  ['AWS, tasks', '169.254.170.2'],
  ['AWS, pod identities', '169.254.170.23'],
  ['AWS, pod identities in IPv6', 'fd00:ec2::23'],
  ['AWS, resolver', '169.254.169.253'],
  ['AWS, time', '169.254.169.123'],
  ['Google in IPv6', 'fd20:ce::254'],
  ['Azure', '168.63.129.16'],
  ['Alibaba', '100.100.100.200'],
  ['Tencent', '169.254.0.23'],
  ['Oracle, older', '192.0.0.192'],
  ['IBM, service network', '161.26.0.10'],
  ['IBM, private endpoints', '166.9.0.1'],
  ['Scaleway', '169.254.42.42'],
  ['Scaleway in IPv6', 'fd00:42::42'],
  ['OpenStack in IPv6', 'fe80::a9fe:a9fe'],
  ['a cluster of Kubernetes, node-local DNS', '169.254.20.10'],
  ['a cluster of Kubernetes, its API as many install it', '10.96.0.1'],
])('what a cloud keeps for its own machines is refused: %s at %s', (_cloud, ip) => {
  expect(refusalOf(ip, strict)).toBeDefined()
})

// Every way to write an IPv4 address into an IPv6 one, for addresses inside and outside.
const inside: [dotted: string, hex: string][] = [
  ['127.0.0.1', '7f00:1'],
  ['10.0.0.1', 'a00:1'],
  ['169.254.169.254', 'a9fe:a9fe'],
  ['192.168.1.1', 'c0a8:101'],
  ['0.0.0.0', '0:0'],
  ['8.8.8.8', '808:808'],
]

const embeddings: [what: string, (dotted: string, hex: string) => string][] = [
  ['mapped', (dotted) => `::ffff:${dotted}`],
  ['mapped, in hex', (_, hex) => `::ffff:${hex}`],
  ['mapped, written out', (_, hex) => `0:0:0:0:0:ffff:${hex}`],
  ['mapped, in capitals', (_, hex) => `::FFFF:${hex.toUpperCase()}`],
  ['translated', (_, hex) => `::ffff:0:${hex}`],
  ['compatible', (_, hex) => `::${hex}`],
  ['NAT64', (dotted) => `64:ff9b::${dotted}`],
  ['NAT64, in hex', (_, hex) => `64:ff9b::${hex}`],
  ['NAT64 of local use', (_, hex) => `64:ff9b:1::${hex}`],
  ['NAT64 of local use, deeper', (_, hex) => `64:ff9b:1:ffff:ffff:ffff:${hex}`],
  ['6to4', (_, hex) => `2002:${hex}::1`],
  ['Teredo server', (_, hex) => `2001:0:${hex}::1`],
  ['Teredo client', (_, hex) => `2001:0:4136:e378:8000:63bf:${hex}`],
  ['ISATAP, link-local', (_, hex) => `fe80::5efe:${hex}`],
  ['ISATAP of a private address', (_, hex) => `2606:4700:0:1:0:5efe:${hex}`],
  ['ISATAP of a public address', (_, hex) => `2606:4700:0:1:200:5efe:${hex}`],
]

test.each(inside.flatMap(([dotted, hex]) => embeddings.map(([what, write]) => [dotted, what, write(dotted, hex)])))(
  '%s within IPv6 (%s) is refused: %s',
  (_dotted, _what, ip) => {
    expect(refusalOf(ip, strict)).toBeDefined()
  },
)
