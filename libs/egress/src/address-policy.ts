import { isIP } from 'node:net'
import ipaddr from 'ipaddr.js'
import { refusedBlocks } from './address-table.js'
import { parsePorts, type PortRange } from './allowed-ports.js'

type Address = ipaddr.IPv4 | ipaddr.IPv6
type Block = [Address, number]

/** Where we may send. Made once by `egressPolicy`, then only read. */
export interface EgressPolicy {
  /** Exceptions to the table of refused blocks. */
  readonly allowedBlocks: readonly Block[]
  readonly allowedPorts: readonly PortRange[]
  readonly allowHttp: boolean
}

export interface EgressPolicySettings {
  /** Exceptions, such as `127.0.0.0/8` for a local stack. */
  allowedCidrs: readonly string[]
  /** `443,1024-65535` */
  allowedPorts: string
  allowHttp: boolean
}

/** The policy of these settings. Throws an Error that names the part which is wrong and shows the right form. */
export function egressPolicy(settings: EgressPolicySettings): EgressPolicy {
  return {
    allowedBlocks: settings.allowedCidrs.map(parseAllowedCidr),
    allowedPorts: parsePorts(settings.allowedPorts),
    allowHttp: settings.allowHttp,
  }
}

/** Whether we may send to this address: it is global unicast, or an exception names it. */
export function isAllowedAddress(ip: string, policy: EgressPolicy): boolean {
  return refusalOf(ip, policy) === undefined
}

/** Why we do not send to this address, or undefined when we do. Takes canonical text, as URL and resolver give it. */
export function refusalOf(ip: string, policy: EgressPolicy): string | undefined {
  // A zone id picks one of our own interfaces; isIP also refuses the loose spellings that ipaddr.js would read.
  if (isIP(ip) === 0 || ip.includes('%')) return 'not an address'
  const address = ipaddr.parse(ip)
  if (policy.allowedBlocks.some((block) => isWithin(address, block))) return undefined
  const refused = parsedTable.find(({ block }) => isWithin(address, block))
  return refused?.reason ?? (isIsatap(address) ? 'ISATAP: carries an IPv4 address' : undefined)
}

/**
 * Why a DNS answer may not be used, or undefined when all of it may. One bad address spoils the whole: a name that leads
 * inside as well as outside is not to be trusted at all.
 */
export function refusalOfAnswer(
  addresses: readonly string[],
  policy: EgressPolicy,
): { ip: string; reason: string } | undefined {
  for (const ip of addresses) {
    const reason = refusalOf(ip, policy)
    if (reason !== undefined) return { ip, reason }
  }
  return undefined
}

/**
 * The answer without what a name server with DNS64 adds to it for machines without IPv4: each IPv4 address once more,
 * under the prefix of NAT64. It says nothing new, and would have every receiver that has IPv4 alone refused. Where the
 * policy allows that prefix nothing is left out; with any other address under it the answer is refused as before.
 */
export function withoutDns64(addresses: readonly string[], policy: EgressPolicy): string[] {
  return addresses.filter((ip) => {
    const embedded = embeddedByNat64(ip)
    return embedded === undefined || !addresses.includes(embedded) || isAllowedAddress(ip, policy)
  })
}

const nat64 = ipaddr.parseCIDR('64:ff9b::/96')

function embeddedByNat64(ip: string): string | undefined {
  if (isIP(ip) !== 6 || ip.includes('%')) return undefined
  const address = ipaddr.parse(ip)
  return isWithin(address, nat64) ? ipaddr.fromByteArray(address.toByteArray().slice(12)).toString() : undefined
}

const parsedTable = refusedBlocks.map(({ cidr, reason }) => ({ block: ipaddr.parseCIDR(cidr), reason }))

function isWithin(address: Address, [network, bits]: Block): boolean {
  return address.kind() === network.kind() && address.match(network, bits)
}

// An interface identifier under any prefix, so no CIDR can name it: 0:5efe or 200:5efe, then an IPv4 address.
function isIsatap(address: Address): boolean {
  if (!(address instanceof ipaddr.IPv6)) return false
  const [, , , , high, low] = address.parts
  return (high === 0 || high === 0x200) && low === 0x5efe
}

function parseAllowedCidr(text: string): Block {
  const [, ip = '', bits] = /^([^/]+)\/(\d{1,3})$/.exec(text) ?? []
  const widest = isIP(ip) === 6 ? 128 : 32
  if (isIP(ip) === 0 || Number(bits) > widest) {
    throw new Error(`"${text}" is not a block of addresses: write it like 127.0.0.0/8 or fd00::/8`)
  }
  return [ipaddr.parse(ip), Number(bits)]
}
