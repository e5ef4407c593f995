import { type PipelineConfig, readAdminConfig } from '#config'
import { KafkaConnection, type KafkaLog } from '#kafka'
import { TopicMap } from '#topics'
import { kafkaAnswers } from './kafka-answers.js'

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

/** The same, of a log that answers. @throws Error within 10 s, saying what to check */
export async function answeringKafka(): Promise<KafkaAccess> {
  const access = kafkaAccess()
  await kafkaAnswers(access.connection)
  return access
}

/** Standard output is the command's answer, and what goes wrong for good is thrown: only errors are worth a line. */
const QUIET: KafkaLog = {
  debug: () => undefined,
  info: () => undefined,
  warn: () => undefined,
  error: (_, message) => void process.stderr.write(`kafka: ${message}\n`),
}
