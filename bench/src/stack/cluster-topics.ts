import { KafkaConnection, TopicAdmin } from '#kafka'

const silent = { debug: () => {}, info: () => {}, warn: () => {}, error: () => {} }
const requestTimeoutMs = 10_000

/** The topics of one environment, by their common prefix. */
export class ClusterTopics {
  readonly #connection: KafkaConnection

  constructor(
    brokers: string,
    private readonly prefix: string,
  ) {
    this.#connection = new KafkaConnection({ brokers: [brokers], clientId: 'bench' }, silent)
  }

  /** How many records were ever written to the topics whose name, without the prefix, begins like this. */
  async recordsWritten(nameStart: string): Promise<number> {
    const admin = new TopicAdmin(this.#connection)
    try {
      const topics = (await admin.listTopics()).filter((topic) => topic.startsWith(this.prefix + nameStart))
      const bounds = await Promise.all(topics.map((topic) => admin.endOffsets(topic)))
      return bounds.flat().reduce((sum, { end }) => sum + end, 0)
    } finally {
      await admin.close()
    }
  }

  /** A benchmark writes gigabytes: what a scenario has left behind must not fill the disk during the next. */
  async delete(): Promise<void> {
    const client = this.#connection.client(requestTimeoutMs)
    const admin = client.kafka.admin()
    try {
      await admin.connect()
      const topics = (await admin.listTopics()).filter((topic) => topic.startsWith(this.prefix))
      if (topics.length > 0) await admin.deleteTopics({ topics })
      await admin.disconnect()
    } finally {
      client.end()
    }
  }
}
