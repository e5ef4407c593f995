import ipaddr from 'ipaddr.js'
import { describe, expect, test } from 'vitest'
import { egressPolicy, refusalOf } from './address-policy.js'

// The registries as IANA publishes them, written out again beside our table, which may draw its blocks differently: a
// block that is forgotten there is found here. Unlike the policy, IANA calls some of these globally reachable (AS112,
// AMT, anycast of protocols); no customer's receiver lives there either.
const specialIPv4: [cidr: string, name: string][] = [
  ['0.0.0.0/8', 'This network'],
  ['0.0.0.0/32', 'This host on this network'],
  ['10.0.0.0/8', 'Private use'],
  ['100.64.0.0/10', 'Shared address space'],
  ['127.0.0.0/8', 'Loopback'],
  ['169.254.0.0/16', 'Link local'],
  ['172.16.0.0/12', 'Private use'],
  ['192.0.0.0/24', 'IETF protocol assignments'],
  ['192.0.0.0/29', 'IPv4 service continuity prefix'],
  ['192.0.0.8/32', 'IPv4 dummy address'],
  ['192.0.0.9/32', 'Port Control Protocol anycast'],
  ['192.0.0.10/32', 'TURN anycast'],
  ['192.0.0.170/32', 'NAT64/DNS64 discovery'],
  ['192.0.0.171/32', 'NAT64/DNS64 discovery'],
  ['192.0.2.0/24', 'Documentation (TEST-NET-1)'],
  ['192.31.196.0/24', 'AS112-v4'],
  ['192.52.193.0/24', 'AMT'],
  ['192.88.99.0/24', 'Deprecated: 6to4 relay anycast'],
  ['192.88.99.2/32', '6a44 relay anycast'],
  ['192.168.0.0/16', 'Private use'],
  ['192.175.48.0/24', 'Direct delegation AS112 service'],
  ['198.18.0.0/15', 'Benchmarking'],
  ['198.51.100.0/24', 'Documentation (TEST-NET-2)'],
  ['203.0.113.0/24', 'Documentation (TEST-NET-3)'],
  ['224.0.0.0/4', 'Multicast'],
  ['240.0.0.0/4', 'Reserved'],
  ['255.255.255.255/32', 'Limited broadcast'],
]

const specialIPv6: [cidr: string, name: string][] = [
  ['::1/128', 'Loopback'],
  ['::/128', 'Unspecified'],
  ['::ffff:0:0/96', 'IPv4-mapped'],
  ['64:ff9b::/96', 'IPv4-IPv6 translation'],
  ['64:ff9b:1::/48', 'Local-use IPv4-IPv6 translation'],
  ['100::/64', 'Discard only'],
  ['100:0:0:1::/64', 'Dummy prefix'],
  ['2001::/23', 'IETF protocol assignments'],
  ['2001::/32', 'Teredo'],
  ['2001:1::1/128', 'Port Control Protocol anycast'],
  ['2001:1::2/128', 'TURN anycast'],
  ['2001:1::3/128', 'DNS-SD service registration anycast'],
  ['2001:2::/48', 'Benchmarking'],
  ['2001:3::/32', 'AMT'],
  ['2001:4:112::/48', 'AS112-v6'],
  ['2001:10::/28', 'Deprecated: ORCHID'],
  ['2001:20::/28', 'ORCHIDv2'],
  ['2001:30::/28', 'Drone remote id'],
  ['2001:db8::/32', 'Documentation'],
  ['2002::/16', '6to4'],
  ['2620:4f:8000::/48', 'Direct delegation AS112 service'],
  ['3fff::/20', 'Documentation'],
  ['5f00::/16', 'Segment routing SIDs'],
  ['fc00::/7', 'Unique local'],
  ['fe80::/10', 'Link local'],
]

// Of the IPv6 address space everything but 2000::/3.
const notGlobalUnicast: [cidr: string, name: string][] = [
  ['::/8', 'Reserved'],
  ['100::/8', 'Reserved'],
  ['200::/7', 'Reserved: was NSAP'],
  ['400::/6', 'Reserved: was IPX'],
  ['800::/5', 'Reserved'],
  ['1000::/4', 'Reserved'],
  ['4000::/3', 'Reserved'],
  ['6000::/3', 'Reserved'],
  ['8000::/3', 'Reserved'],
  ['a000::/3', 'Reserved'],
  ['c000::/3', 'Reserved'],
  ['e000::/4', 'Reserved'],
  ['f000::/5', 'Reserved'],
  ['f800::/6', 'Reserved'],
  ['fe00::/9', 'Reserved'],
  ['fec0::/10', 'Deprecated: site local'],
  ['ff00::/8', 'Multicast'],
]

const strict = egressPolicy({ allowedCidrs: [], allowedPorts: '443', allowHttp: false })

describe.each([
  ['IPv4 special-purpose addresses', specialIPv4],
  ['IPv6 special-purpose addresses', specialIPv6],
  ['the IPv6 address space', notGlobalUnicast],
])('in the registry of %s', (_registry, entries) => {
  test.each(entries)('%s (%s) is refused from its first address to its last', (cidr) => {
    for (const ip of [...ends(cidr), middle(cidr)]) expect(refusalOf(ip, strict), ip).toBeDefined()
  })
})

function ends(cidr: string): string[] {
  const family = cidr.includes(':') ? ipaddr.IPv6 : ipaddr.IPv4
  return [family.networkAddressFromCIDR(cidr), family.broadcastAddressFromCIDR(cidr)].map(String)
}

function middle(cidr: string): string {
  const [network, bits] = ipaddr.parseCIDR(cidr)
  const bytes = network.toByteArray()
  const at = Math.floor(bits / 8)
  if (at < bytes.length) bytes[at] = (bytes[at] ?? 0) | (0x80 >> (bits % 8))
  return ipaddr.fromByteArray(bytes).toString()
}
