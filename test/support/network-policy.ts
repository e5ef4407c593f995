import { BlockList, isIPv6 } from 'node:net'
import { refusedBlocks } from '#egress'
import type { Manifest } from './manifests.js'

/** IPv4, and of IPv6 what is handed out as global unicast. */
export const EVERYWHERE = ['0.0.0.0/0', '2000::/3']

/** The refused blocks within another one; a NetworkPolicy knows no other exceptions. */
export function exceptionsWithin(cidr: string): string[] {
  const refused = refusedBlocks.map((block) => block.cidr)
  const within = refused.filter((block) => block !== cidr && contains(cidr, block))
  return within.filter((block) => !within.some((wider) => wider !== block && contains(wider, block)))
}

interface Rule {
  to?: { ipBlock?: { cidr: string; except?: string[] } }[]
  ports?: { protocol: string; port: number; endPort?: number }[]
}

export interface NetworkPolicy {
  podSelector: { matchLabels?: Record<string, string> }
  policyTypes: ('Egress' | 'Ingress')[]
  egress?: Rule[]
}

export function networkPolicies(manifests: Manifest[]): NetworkPolicy[] {
  const found = manifests.filter(({ kind }) => kind === 'NetworkPolicy')
  return found.map(({ spec }) => spec as unknown as NetworkPolicy)
}

/** Whether a pod with these labels may open a TCP connection to an address outside the cluster. Policies add up. */
export function mayReach(
  policies: NetworkPolicy[],
  podLabels: Record<string, string>,
  { ip, port }: { ip: string; port: number },
): boolean {
  const selecting = policies.filter(
    ({ podSelector, policyTypes }) =>
      policyTypes.includes('Egress') &&
      Object.entries(podSelector.matchLabels ?? {}).every(([name, value]) => podLabels[name] === value),
  )
  if (selecting.length === 0) return true
  return selecting.some(({ egress = [] }) => egress.some((rule) => isTo(rule, ip) && isAtPort(rule, port)))
}

function isTo({ to }: Rule, ip: string): boolean {
  if (!to) return true
  return to.some(
    ({ ipBlock }) =>
      ipBlock && contains(ipBlock.cidr, ip) && !(ipBlock.except ?? []).some((except) => contains(except, ip)),
  )
}

function isAtPort({ ports }: Rule, port: number): boolean {
  if (!ports) return true
  return ports.some((range) => range.protocol === 'TCP' && port >= range.port && port <= (range.endPort ?? range.port))
}

/** Whether an address, or a whole block, lies in a block. */
function contains(cidr: string, addressOrBlock: string): boolean {
  const [network = '', bits] = cidr.split('/')
  const [ip = '', innerBits] = addressOrBlock.split('/')
  if (isIPv6(network) !== isIPv6(ip)) return false
  if (innerBits !== undefined && Number(innerBits) < Number(bits)) return false
  const family = isIPv6(ip) ? 'ipv6' : 'ipv4'
  const block = new BlockList()
  block.addSubnet(network, Number(bits), family)
  return block.check(ip, family)
}
