import type { ClusterLink } from '../client/cluster-link.js'
import type { Broker, Cluster } from '../client/kafkajs.js'

/**
 * The broker that keeps a group's offsets, on connections of its own. A broker answers the requests of one connection in
 * turn: on kafkajs' own a commit waits behind the request to join, until the last member has joined or its session is
 * over, and is refused then as that of an old generation.
 */
export class GroupCoordinator {
  private known: { cluster: Cluster; broker: Broker } | undefined

  constructor(
    private readonly link: Pick<ClusterLink, 'run' | 'close'>,
    private readonly groupId: string,
    /** Named because a request about none is one about all of the cluster, of which any may have a fault. */
    private readonly topics: string[],
  ) {}

  /** Rejects with the broker's error, a connection's, or OutOfTime; whatever failed, the coordinator is looked up anew. */
  async ask<T>(question: (coordinator: Broker) => Promise<T>): Promise<T> {
    try {
      return await this.link.run(this.topics, async (cluster) => question(await this.brokerIn(cluster)))
    } catch (error) {
      this.known = undefined
      throw error
    }
  }

  close(): void {
    this.link.close()
  }

  private async brokerIn(cluster: Cluster): Promise<Broker> {
    if (this.known?.cluster === cluster && this.known.broker.isConnected()) return this.known.broker
    const broker = await cluster.findGroupCoordinator({ groupId: this.groupId })
    this.known = { cluster, broker }
    return broker
  }
}
