import { type EgressPolicy, isAllowedAddress, refusalOfAnswer, withoutDns64 } from './address-policy.js'
import { literalAddress, portOf } from './check-url.js'
import { Connection } from './connection.js'
import type { Deadline } from './deadline-sweep.js'
import { InboundLimit } from './inbound-limit.js'
import { isLocalhost } from './localhost.js'
import type { SharedCause } from './own-fault-detector.js'
import { HostResolver, type ResolverOptions } from './resolver.js'
import { type StageOutcome, stoppedByDeadline, stoppedByError } from './stage-outcome.js'
import { connectTcp } from './tcp-connect.js'
import { TlsConnector } from './tls-connector.js'

export interface ConnectionOpenerOptions {
  policy: EgressPolicy
  keepAliveMs: number
  extraCaPem?: string
  resolver?: ResolverOptions
  onClosed: (connection: Connection) => void
  /** The name servers answered for the host, or it was reached. */
  onReached: (cause: SharedCause, host: string) => void
}

/** Opens connections: resolve, check every address, connect to exactly what was checked, verify TLS. */
export class ConnectionOpener {
  private readonly resolver: HostResolver
  private readonly tls: TlsConnector

  constructor(private readonly options: ConnectionOpenerOptions) {
    this.resolver = new HostResolver(options.resolver ?? {}, (hostname) => options.onReached('resolver', hostname))
    this.tls = new TlsConnector(options.extraCaPem)
  }

  /** `url` has passed `checkUrl`. */
  async open(url: URL, deadline: Deadline): Promise<StageOutcome<Connection>> {
    const literal = literalAddress(url.hostname)
    const addresses = await this.addressesOf(url.hostname, literal, deadline)
    if (!addresses.ok) return addresses
    const tcp = await connectTcp(addresses.value, portOf(url), deadline)
    if (!tcp.ok) return tcp
    const host = literal ?? url.hostname
    this.options.onReached('network', host)
    const inbound = new InboundLimit(tcp.value)
    if (url.protocol === 'http:') return { ok: true, value: this.connectionOn(tcp.value, inbound, url) }
    const secured = await this.tls.connect(tcp.value, inbound, host, literal !== undefined, deadline)
    return secured.ok ? { ok: true, value: this.connectionOn(secured.value, inbound, url) } : secured
  }

  close(): void {
    this.resolver.close()
  }

  private connectionOn(
    socket: ConstructorParameters<typeof Connection>[0],
    inbound: InboundLimit,
    url: URL,
  ): Connection {
    const { keepAliveMs, onClosed } = this.options
    return new Connection(socket, inbound, { origin: url.origin, keepAliveMs, onClosed })
  }

  private async addressesOf(
    hostname: string,
    literal: string | undefined,
    deadline: Deadline,
  ): Promise<StageOutcome<string[]>> {
    if (literal !== undefined) return this.checked(hostname, [literal])
    const resolved = await this.resolve(hostname, deadline)
    if (!resolved.ok) return resolved
    // This name's answer is ours and not a stranger's, so the family that the policy does not allow is just left out.
    const { policy } = this.options
    const usable = isLocalhost(hostname)
      ? resolved.value.filter((ip) => isAllowedAddress(ip, policy))
      : withoutDns64(resolved.value, policy)
    return this.checked(hostname, usable.length > 0 ? usable : resolved.value)
  }

  private checked(hostname: string, addresses: string[]): StageOutcome<string[]> {
    const refusal = refusalOfAnswer(addresses, this.options.policy)
    if (!refusal) return { ok: true, value: addresses }
    const detail = `${hostname} leads to ${refusal.ip} (${refusal.reason})`
    return { ok: false, stop: { phase: 'resolve', cause: 'refused', detail } }
  }

  private resolve(hostname: string, deadline: Deadline): Promise<StageOutcome<string[]>> {
    return new Promise((settle) => {
      // c-ares can only cancel all questions of everybody; this one goes on unheard, bounded by its own time-outs.
      deadline.onPassed(() => settle(stoppedByDeadline('resolve')))
      this.resolver.resolve(hostname).then(
        (value) => settle({ ok: true, value }),
        (error: unknown) =>
          settle(stoppedByError('resolve', error instanceof Error ? error : new Error(String(error)))),
      )
    })
  }
}
