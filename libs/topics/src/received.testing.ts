import type { Message, ReceivedMessage } from './message.js'

/** A message as a consumer gets it back from the broker, which turns every value into bytes. */
export function received(message: Message, timestamp = 0): ReceivedMessage {
  const value = typeof message.value === 'string' ? Buffer.from(message.value) : message.value
  return { key: message.key, value, headers: { ...message.headers }, timestamp }
}

/** The same record with some headers changed, or taken away where the change is undefined. */
export function withHeaders(message: ReceivedMessage, changes: Record<string, string | undefined>): ReceivedMessage {
  const headers: Record<string, string> = {}
  for (const [name, value] of Object.entries({ ...message.headers, ...changes })) {
    if (value !== undefined) headers[name] = value
  }
  return { ...message, headers }
}
