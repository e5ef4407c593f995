import { MUST_JOIN } from './insist-on-join.js'
import { lookUpLeaders } from './look-up-leaders.js'

interface BeatingGroup {
  groupId: string
  cluster: {
    refreshMetadata(): Promise<void>
    findGroupCoordinatorMetadata(of: {
      groupId: string
      coordinatorType: number
    }): Promise<{ coordinator: { nodeId: number } }>
    /** Asks for the cluster's brokers anew when it cannot be reached. */
    findBroker(node: { nodeId: number }): Promise<object>
  }
  coordinator: object | null
  offsetManager: { coordinator: object } | null
  heartbeat(options: { interval: number }): Promise<void>
}
type BeatingGroupClass = new (options: never) => BeatingGroup

/** Kafka's number: the other kind keeps transactions. */
const OF_GROUPS = 0

/**
 * kafkajs asks who keeps the group before it joins, and joins when the one it knows says so. One that is gone says nothing,
 * and was asked for ever while another had the group long since. So after a heartbeat that failed, the next one goes to whom
 * the cluster names by then. That takes no join: with the group its members moved.
 */
export function doubtCoordinator(stock: BeatingGroupClass): BeatingGroupClass {
  return class extends stock {
    #isInDoubt = false
    /** One for all fetchers, which beat at the same time. */
    #lookUp: Promise<void> | undefined

    override async heartbeat(options: { interval: number }): Promise<void> {
      if (this.#isInDoubt) await (this.#lookUp ??= this.#find().finally(() => (this.#lookUp = undefined)))
      try {
        await super.heartbeat(options)
      } catch (error) {
        if (!MUST_JOIN.has((error as { type?: string }).type ?? '')) this.#isInDoubt = true
        throw error
      }
    }

    async #find(): Promise<void> {
      const { cluster, groupId } = this
      // Who is gone is no broker of the cluster any more, and would else be asked who keeps the group as often as others.
      await lookUpLeaders(cluster)
      try {
        const { coordinator } = await cluster.findGroupCoordinatorMetadata({ groupId, coordinatorType: OF_GROUPS })
        this.coordinator = await cluster.findBroker(coordinator)
      } catch (error) {
        // Also what kafkajs calls final, and would end the membership for: it is as passing as the broker's absence.
        throw new Error('nobody can tell who keeps the group', { cause: error })
      }
      if (this.offsetManager) this.offsetManager.coordinator = this.coordinator
      this.#isInDoubt = false
    }
  }
}
