import { isIPv6 } from 'node:net'

/**
 * Whether a connect failed because this machine has no way to that network. For IPv6 a container without it says
 * "address not available"; for IPv4 the same words mean that our ports are used up.
 */
export function isMissingNetwork(error: Error): boolean {
  const { code, address } = error as Error & { code?: unknown; address?: unknown }
  if (code === 'ENETUNREACH' || code === 'EAFNOSUPPORT') return true
  return code === 'EADDRNOTAVAIL' && typeof address === 'string' && isIPv6(address)
}
