/**
 * Whom a limit per client address counts as one: an IPv4 address, or the /64 of an IPv6 address, since a single
 * customer of a provider has 2^64 of those. What is no address, as a proxy may pass on, is a client of that name.
 */
export function clientNetwork(address: string): string {
  const [, mapped] = /^::ffff:(\d+\.\d+\.\d+\.\d+)$/i.exec(address) ?? []
  if (mapped !== undefined) return mapped
  if (!address.includes(':')) return address.slice(0, LONGEST_ADDRESS)
  const [before = '', after] = address.toLowerCase().split('::', 2) as [string, string?]
  const head = before === '' ? [] : before.split(':')
  const tail = after === undefined || after === '' ? [] : after.split(':')
  const zeros = Array.from({ length: Math.max(0, 8 - head.length - tail.length) }, () => '0')
  const groups = after === undefined ? head : [...head, ...zeros, ...tail]
  const network = groups.slice(0, 4).map((group) => group.replace(/^0+(?=.)/, ''))
  return `${network.join(':')}::/64`.slice(0, LONGEST_ADDRESS)
}

/** Characters, of an IPv6 address written in full; a longer text would only cost memory. */
const LONGEST_ADDRESS = 45
