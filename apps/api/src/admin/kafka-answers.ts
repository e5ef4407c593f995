import { setTimeout as sleep } from 'node:timers/promises'
import { KafkaConnection } from '#kafka'

/** A broker that pauses for its garbage is not away; one that says nothing for longer is. Ms. */
const REQUEST_TIMEOUT_MS = 5_000
/** A broker that is being restarted refuses connections for moments. Ms. */
const REPEAT_FOR_MS = 3_000
const REPEAT_EVERY_MS = 500

const CHECK =
  'Check that it runs, that KAFKA_BROKERS names it, and that KAFKA_SSL and KAFKA_SASL_MECHANISM are what it asks for.'

/**
 * Resolves when one of the brokers answers: a command that begins without would be silent until kafkajs gives up.
 *
 * @throws Error within 10 s, saying what to check
 */
export async function kafkaAnswers({ settings, log }: KafkaConnection): Promise<void> {
  const settled = new AbortController()
  const each = settings.brokers.map((broker) =>
    brokerAnswers(new KafkaConnection({ ...settings, brokers: [broker] }, log), settled.signal),
  )
  try {
    await Promise.any(each)
  } catch (error) {
    const [reason] = (error as AggregateError).errors as [Error]
    if (isAnswer(reason)) throw reason
    const where = settings.brokers.join(', ')
    throw new Error(`Kafka at ${where} does not answer: ${reason.message}. ${CHECK}`, { cause: reason })
  } finally {
    // A frozen one must not hold up a command that is done.
    settled.abort()
  }
}

async function brokerAnswers(connection: KafkaConnection, signal: AbortSignal): Promise<void> {
  const link = connection.link(REQUEST_TIMEOUT_MS)
  signal.addEventListener('abort', () => link.close(), { once: true })
  try {
    for (const until = Date.now() + REPEAT_FOR_MS; ; await sleep(REPEAT_EVERY_MS, undefined, { signal })) {
      try {
        // Connecting asks for the broker's versions and for the cluster's brokers; that is question enough.
        return await link.run([], () => Promise.resolve())
      } catch (error) {
        if (signal.aborted || isAnswer(error) || Date.now() > until) throw error
      }
    }
  } finally {
    link.close()
  }
}

/** A broker that says no is there, and its own words say more. */
function isAnswer(error: unknown): boolean {
  for (let cause = error; cause instanceof Error; cause = cause.cause) {
    if (cause.name === 'KafkaJSSASLAuthenticationError' || 'type' in cause) return true
  }
  return false
}
