export interface RefusedBlock {
  cidr: string
  /** For people: what the block is, and so why no receiver can live there. */
  reason: string
}

/**
 * Every address block that we do not send to: what is left is global unicast. The one source of this knowledge; network
 * policies and docs are made from it. The first match gives the reason, so narrow blocks stand before wide ones.
 */
export const refusedBlocks: readonly RefusedBlock[] = [
  { cidr: '0.0.0.0/8', reason: 'this host and network' },
  { cidr: '10.0.0.0/8', reason: 'private network' },
  { cidr: '100.64.0.0/10', reason: 'shared by carrier-grade NAT' },
  { cidr: '127.0.0.0/8', reason: 'loopback' },
  { cidr: '161.26.0.0/16', reason: "a cloud's service network on public addresses" },
  { cidr: '166.8.0.0/14', reason: "a cloud's service network on public addresses" },
  { cidr: '168.63.129.16/32', reason: 'cloud platform service on a public address' },
  { cidr: '169.254.0.0/16', reason: 'link-local, cloud metadata' },
  { cidr: '172.16.0.0/12', reason: 'private network' },
  { cidr: '192.0.0.0/24', reason: 'protocol assignments' },
  { cidr: '192.0.2.0/24', reason: 'documentation' },
  { cidr: '192.31.196.0/24', reason: 'AS112 sink' },
  { cidr: '192.52.193.0/24', reason: 'multicast tunnels' },
  { cidr: '192.88.99.0/24', reason: '6to4 relay' },
  { cidr: '192.168.0.0/16', reason: 'private network' },
  { cidr: '192.175.48.0/24', reason: 'AS112 sink' },
  { cidr: '198.18.0.0/15', reason: 'benchmarking' },
  { cidr: '198.51.100.0/24', reason: 'documentation' },
  { cidr: '203.0.113.0/24', reason: 'documentation' },
  { cidr: '224.0.0.0/4', reason: 'multicast' },
  { cidr: '255.255.255.255/32', reason: 'broadcast' },
  { cidr: '240.0.0.0/4', reason: 'reserved' },

  { cidr: '::/128', reason: 'unspecified' },
  { cidr: '::1/128', reason: 'loopback' },
  { cidr: '::ffff:0:0/96', reason: 'IPv4-mapped' },
  { cidr: '::ffff:0:0:0/96', reason: 'IPv4-translated' },
  { cidr: '::/96', reason: 'IPv4-compatible' },
  { cidr: '64:ff9b::/96', reason: 'NAT64: leads to an IPv4 address of any kind' },
  { cidr: '64:ff9b:1::/48', reason: 'local NAT64' },
  { cidr: '100::/64', reason: 'discard' },
  { cidr: '2001::/32', reason: 'Teredo: carries an IPv4 address' },
  { cidr: '2001::/23', reason: 'protocol assignments' },
  { cidr: '2001:db8::/32', reason: 'documentation' },
  { cidr: '2002::/16', reason: '6to4: carries an IPv4 address' },
  { cidr: '2620:4f:8000::/48', reason: 'AS112 sink' },
  { cidr: '3fff::/20', reason: 'documentation' },
  { cidr: 'fc00::/7', reason: 'private network' },
  { cidr: 'fe80::/10', reason: 'link-local' },
  { cidr: 'fec0::/10', reason: 'site-local' },
  { cidr: 'ff00::/8', reason: 'multicast' },
  // The complement of 2000::/3, the only IPv6 space that is handed out as global unicast.
  { cidr: '::/3', reason: 'not global unicast' },
  { cidr: '4000::/2', reason: 'not global unicast' },
  { cidr: '8000::/1', reason: 'not global unicast' },
]
