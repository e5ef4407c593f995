import type { TopicMap } from './topic-map.js'

export const KAFKA_USERS = ['api', 'fanout', 'dispatcher', 'setup'] as const
/** The three services, and the job that creates topics. */
export type KafkaUser = (typeof KAFKA_USERS)[number]

export type KafkaOperation = 'read' | 'write' | 'create' | 'describe' | 'describe_configs'

/** One thing that a user may do, as a broker's access control list says it. Everything else is denied. */
export interface Permission {
  resource: 'topic' | 'group'
  name: string
  /** Names that only begin so are meant, too. */
  isPrefix: boolean
  operations: KafkaOperation[]
}

/**
 * What each user needs to do its work, and no more: the arrows of the design. Reading and writing both let a client see
 * that a topic exists. An idempotent producer needs nothing besides from Kafka 3.0 on.
 */
export function permissionsOf(user: KafkaUser, topics: TopicMap): Permission[] {
  switch (user) {
    case 'api':
      return [
        onTopic(topics.contextEvents, 'read', 'write'),
        onTopic(topics.webhookChanges, 'write'),
        onTopic(topics.deliveries, 'write'),
        onTopic(topics.replay, 'write'),
        onTopic(topics.deadLetter, 'read', 'write'),
        onTopic(topics.deliveryLog, 'read', 'write'),
        onTopic(topics.webhookCommands, 'read'),
        inGroup(topics.group('projector')),
        inGroup(topics.group('webhook-commands')),
        // Groups of `admin rebuild` and of the dead letters' commands, one for each run.
        { ...inGroup(topics.group('rebuild-')), isPrefix: true },
        { ...inGroup(topics.group('admin-')), isPrefix: true },
      ]
    case 'fanout':
      return [
        onTopic(topics.contextEvents, 'read'),
        onTopic(topics.webhookChanges, 'read'),
        onTopic(topics.deliveries, 'write'),
        onTopic(topics.deadLetter, 'write'),
        onTopic(topics.deliveryLog, 'write'),
        inGroup(topics.group('fanout')),
      ]
    case 'dispatcher':
      return [
        onTopic(topics.webhookChanges, 'read'),
        onTopic(topics.deliveries, 'read'),
        onTiers(topics, 'read', 'write'),
        onTopic(topics.replay, 'read'),
        onTopic(topics.deadLetter, 'write'),
        onTopic(topics.deliveryLog, 'write'),
        onTopic(topics.webhookCommands, 'write'),
        inGroup(topics.group('dispatcher')),
      ]
    case 'setup': {
      const names = topics.specs.map(({ name }) => name).filter((name) => !topics.isTier(name))
      const operations = ['create', 'describe', 'describe_configs'] as const
      return [...names.map((name) => onTopic(name, ...operations)), onTiers(topics, ...operations)]
    }
  }
}

function onTopic(name: string, ...operations: KafkaOperation[]): Permission {
  return { resource: 'topic', name, isPrefix: false, operations }
}

/** All of them, also those of an earlier retry schedule, which are drained, and of a later one. */
function onTiers(topics: TopicMap, ...operations: KafkaOperation[]): Permission {
  return { resource: 'topic', name: topics.tierPrefix, isPrefix: true, operations }
}

/** Joining it, and committing its offsets. */
function inGroup(name: string): Permission {
  return { resource: 'group', name, isPrefix: false, operations: ['read'] }
}
