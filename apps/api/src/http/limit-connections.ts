import type { Server } from 'node:http'
import { BlockList, isIPv6 } from 'node:net'
import { clientNetwork } from '../accounts/client-network.js'
import { Counter, type Registry } from '#telemetry'
import type { HttpLimits } from './http-limits.js'

/**
 * Bounds how many connections there are, and how many of them one client can have. At the first bound, connections that
 * wait for a next request are closed to make room: whoever holds them in vain must not keep others out.
 */
export function limitConnections(
  server: Server,
  limits: Pick<HttpLimits, 'connections' | 'connectionsPerClient'>,
  trustedProxies: string[],
  registry: Registry,
): void {
  const refused = new Counter({
    name: 'webhooks_api_connections_refused_total',
    help: 'Connections that were closed at once: there were too many of one client, or altogether.',
    labelNames: ['reason'] as const,
    registers: [registry],
  })
  // A rate is only seen from the second sample on.
  for (const reason of ['client', 'all'] as const) refused.inc({ reason }, 0)
  const proxies = listOf(trustedProxies)
  const open = new Map<string, number>()
  server.maxConnections = limits.connections
  server.on('drop', () => {
    refused.inc({ reason: 'all' })
    server.closeIdleConnections()
  })
  server.on('connection', (socket) => {
    const { remoteAddress = '' } = socket
    if (proxies.check(remoteAddress, isIPv6(remoteAddress) ? 'ipv6' : 'ipv4')) return
    const client = clientNetwork(remoteAddress)
    const count = (open.get(client) ?? 0) + 1
    if (count > limits.connectionsPerClient) {
      refused.inc({ reason: 'client' })
      socket.destroy()
      return
    }
    open.set(client, count)
    socket.once('close', () => {
      const left = open.get(client)! - 1
      if (left === 0) open.delete(client)
      else open.set(client, left)
    })
  })
}

function listOf(blocks: string[]): BlockList {
  const list = new BlockList()
  for (const block of blocks) {
    const [address = '', bits] = block.split('/')
    list.addSubnet(address, Number(bits), isIPv6(address) ? 'ipv6' : 'ipv4')
  }
  return list
}
