import { join } from 'node:path'
import { KafkaServer, freePort, waitUntil } from '../../local/src/index.js'
import type { BrokerSettings } from '../../local/src/kafka-settings.js'
import { connectForTest } from './topics.js'

/** Which broker of the cluster, from 1; its `node.id`. */
interface Node {
  id: number
  port: number
  controllerPort: number
}

const REGISTERED_WITHIN_MS = 60_000

/** Brokers on loopback that are one cluster, each of them a controller as well. Every topic has a replica on each. */
export class KafkaCluster {
  private constructor(
    readonly servers: KafkaServer[],
    /** One of each broker. */
    readonly logFiles: string[],
  ) {}

  /**
   * Starts them and waits until all are in the cluster (some 10 s for three). One is a cluster, too.
   *
   * @param folder each broker gets a folder and a log in it: `kafka-1`, `kafka-1.log` and so on
   */
  static async start(folder: string, size: number): Promise<KafkaCluster> {
    const nodes: Node[] = []
    for (let id = 1; id <= size; id++) nodes.push({ id, port: await freePort(), controllerPort: await freePort() })
    const logOf = ({ id }: Node) => join(folder, `kafka-${id}.log`)
    // Together: none of them is ready before most controllers are there.
    const starting = nodes.map((node) =>
      KafkaServer.start({
        dataDir: join(folder, `kafka-${node.id}`),
        port: node.port,
        controllerPort: node.controllerPort,
        logFile: logOf(node),
        settings: settingsOf(node, nodes),
      }),
    )
    const started = await Promise.allSettled(starting)
    const servers = started.flatMap((each) => (each.status === 'fulfilled' ? [each.value] : []))
    const cluster = new KafkaCluster(servers, nodes.map(logOf))
    try {
      await Promise.all(starting)
      await cluster.#allAreIn()
    } catch (error) {
      await cluster.stop()
      throw error
    }
    return cluster
  }

  /** For KAFKA_BROKERS, in the order of their ids. */
  get brokers(): string {
    return this.servers.map(({ brokers }) => brokers).join()
  }

  async stop(): Promise<void> {
    await Promise.all(this.servers.map((server) => server.stop()))
  }

  /** A broker that answers already may be fenced still, and no topic can have a replica on it. */
  async #allAreIn(): Promise<void> {
    const { kafka, end } = connectForTest(this.brokers).client(10_000)
    const admin = kafka.admin()
    try {
      await admin.connect()
      const isComplete = async () => (await admin.describeCluster()).brokers.length === this.servers.length
      await waitUntil('all brokers in the cluster', isComplete, { timeoutMs: REGISTERED_WITHIN_MS })
    } finally {
      await admin.disconnect()
      end()
    }
  }
}

function settingsOf({ id, port, controllerPort }: Node, nodes: Node[]): BrokerSettings {
  const replicas = nodes.length
  return {
    'node.id': id,
    'controller.quorum.voters': nodes.map((node) => `${node.id}@127.0.0.1:${node.controllerPort}`).join(),
    listeners: `PLAINTEXT://127.0.0.1:${port},CONTROLLER://127.0.0.1:${controllerPort}`,
    'default.replication.factor': replicas,
    'offsets.topic.replication.factor': replicas,
    'transaction.state.log.replication.factor': replicas,
    // A commit that only one broker has would be lost with it, as a record would.
    'offsets.topic.min.isr': Math.max(1, replicas - 1),
  }
}
