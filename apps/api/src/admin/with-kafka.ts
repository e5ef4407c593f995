import { type PipelineConfig, readAdminConfig } from '#config'
import { KafkaConnection, type KafkaLog } from '#kafka'
import { TopicMap } from '#topics'

export interface KafkaAccess {
  config: PipelineConfig
  connection: KafkaConnection
  topics: TopicMap
}

/** How to reach the log, as the environment says. */
export function kafkaAccess(config = readAdminConfig()): KafkaAccess {
  const connection = new KafkaConnection({ ...config.kafka, clientId: 'webhooks-admin' }, QUIET)
  return { config, connection, topics: new TopicMap(config.topics) }
}

/** Standard output is the command's answer, and what goes wrong for good is thrown: only errors are worth a line. */
const QUIET: KafkaLog = {
  debug: () => undefined,
  info: () => undefined,
  warn: () => undefined,
  error: (_, message) => void process.stderr.write(`kafka: ${message}\n`),
}
