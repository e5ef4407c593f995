import type { logCreator } from 'kafkajs'
import type { KafkaLog } from '../kafka-settings.js'

/** One line per kind of message and half a minute: a broker that is away for an hour costs 120 lines, not a million. */
const QUIET_MS = 30_000
/** Beyond this many kinds the memory is dropped: messages that carry ids must not grow it for ever. */
const MAX_KINDS = 500

const LEVEL_WARN = 2

/** In the error of every socket that we destroy ourselves: news to kafkajs, not to an operator. */
export const ENDED_BY_US = 'this Kafka client was closed'

/**
 * kafkajs' messages, rate-limited and without stacks. Its errors become warnings, since it repeats what failed;
 * what is fatal is told by DecoupledConsumer and BatchingProducer themselves.
 */
export function calmLog(log: KafkaLog, now: () => number = Date.now): logCreator {
  const kinds = new Map<string, { quietUntil: number; held: number }>()
  return () =>
    ({ namespace, level, log: { message, ...fields } }) => {
      const line = { ...plain(fields), part: namespace }
      if (level > LEVEL_WARN || message.includes(ENDED_BY_US)) return log.debug(line, `kafkajs: ${message}`)
      const kind = `${namespace} ${message.replace(/\d+/g, '#')}`
      const seen = kinds.get(kind)
      if (seen && seen.quietUntil > now()) {
        seen.held++
        return
      }
      if (kinds.size >= MAX_KINDS) kinds.clear()
      kinds.set(kind, { quietUntil: now() + QUIET_MS, held: 0 })
      log.warn(seen?.held ? { ...line, repeated: seen.held } : line, `kafkajs: ${message}`)
    }
}

/** Only short scalar fields: kafkajs adds stacks, assignments and whole payloads. */
function plain(fields: Record<string, unknown>): Record<string, unknown> {
  const kept: Record<string, unknown> = {}
  for (const [name, value] of Object.entries(fields)) {
    if (name === 'stack' || name === 'timestamp' || name === 'logger') continue
    if (typeof value === 'number' || typeof value === 'boolean') kept[name] = value
    if (typeof value === 'string') kept[name] = value.slice(0, 300)
  }
  return kept
}
