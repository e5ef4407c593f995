import ipaddr from 'ipaddr.js'
import { describe, expect, test } from 'vitest'
import { egressPolicy, isAllowedAddress, refusedBlocks } from '#egress'
import { VARIABLES } from '../libs/config/src/variables.js'
import { type Manifest, renderKustomization, workloads } from './support/manifests.js'
import { mayReach, networkPolicies } from './support/network-policy.js'

const strict = egressPolicy({
  allowedCidrs: [],
  allowedPorts: VARIABLES.EGRESS_ALLOWED_PORTS.fallback!,
  allowHttp: false,
})

describe.each(['k8s/base', 'k8s/overlays/example'])('%s', (folder) => {
  const manifests = renderKustomization(folder)
  const policies = networkPolicies(manifests)
  const dispatcher = labelsOf(manifests, 'dispatcher')

  test('lets the dispatcher reach exactly the addresses that the address policy allows', () => {
    const wrong = edges().filter(
      (ip) => mayReach(policies, dispatcher, { ip, port: 443 }) !== isAllowedAddress(ip, strict),
    )
    expect(edges().length).toBeGreaterThan(100)
    expect(wrong).toEqual([])
  })

  test('lets the dispatcher reach exactly the ports that the address policy allows', () => {
    const ports = [1, 22, 25, 53, 80, 442, 443, 444, 465, 587, 1_023, 1_024, 8_443, 65_535]
    const reached = ports.filter((port) => mayReach(policies, dispatcher, { ip: '8.8.8.8', port }))
    expect(reached).toEqual([443, 1_024, 8_443, 65_535])
  })

  test('lets nobody else reach a stranger: the API only a mail server', () => {
    for (const workload of workloads(manifests)) {
      const { name } = workload.metadata
      if (name === 'dispatcher') continue
      const { labels } = workload.spec.template.metadata
      const reached = [80, 443, 465, 587, 8_443].filter((port) => mayReach(policies, labels, { ip: '8.8.8.8', port }))
      expect(reached, name).toEqual(name === 'api' ? [465, 587] : [])
    }
  })

  test('denies what no policy allows, in both directions', () => {
    expect(policies.some((policy) => isForAll(policy) && policy.policyTypes.length === 2)).toBe(true)
    expect(mayReach(policies, { 'app.kubernetes.io/name': 'stranger' }, { ip: '8.8.8.8', port: 443 })).toBe(false)
  })
})

test('the checks can fail: without its exceptions the policy lets the dispatcher inside', () => {
  const policies = networkPolicies(renderKustomization('k8s/base'))
  for (const { egress = [] } of policies)
    for (const { to = [] } of egress) for (const { ipBlock } of to) if (ipBlock) ipBlock.except = []
  const dispatcher = { 'app.kubernetes.io/name': 'dispatcher' }
  expect(mayReach(policies, dispatcher, { ip: '169.254.169.254', port: 8_443 })).toBe(true)
})

function labelsOf(manifests: Manifest[], name: string): Record<string, string> {
  return workloads(manifests).find(({ metadata }) => metadata.name === name)!.spec.template.metadata.labels
}

function isForAll({ podSelector }: { podSelector: { matchLabels?: object } }): boolean {
  return Object.keys(podSelector.matchLabels ?? {}).length === 0
}

/** The first and last address of every refused block, and their neighbours outside; beside them some public ones. */
function edges(): string[] {
  const around = refusedBlocks.flatMap(({ cidr }) => {
    const family = cidr.includes(':') ? ipaddr.IPv6 : ipaddr.IPv4
    const first = number(family.networkAddressFromCIDR(cidr).toByteArray())
    const last = number(family.broadcastAddressFromCIDR(cidr).toByteArray())
    const size = cidr.includes(':') ? 16 : 4
    return [first - 1n, first, last, last + 1n].flatMap((value) => address(value, size) ?? [])
  })
  return [...around, '1.1.1.1', '8.8.8.8', '93.184.215.14', '2606:4700::1111', '2a00:1450::1', '2c0f::1']
}

function number(bytes: number[]): bigint {
  return bytes.reduce((sum, byte) => (sum << 8n) | BigInt(byte), 0n)
}

function address(value: bigint, size: number): string | undefined {
  if (value < 0n || value >= 1n << BigInt(size * 8)) return undefined
  const bytes = Array.from({ length: size }, (_, index) => Number((value >> BigInt((size - 1 - index) * 8)) & 0xffn))
  return ipaddr.fromByteArray(bytes).toString()
}
