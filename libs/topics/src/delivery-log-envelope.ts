import type { Fact } from '#domain'
import { type Message, type ReceivedMessage, UndecodableRecord, jsonValue } from './message.js'

const KINDS: readonly string[] = [
  'fanned_out',
  'attempted',
  'deferred',
  'chain_ended',
  'redelivery_requested',
] satisfies Fact['kind'][]

/** delivery-log: key is what the fact is about, so that the facts of one delivery stay in order. */
export function encodeFact(topic: string, fact: Fact): Message {
  const key = fact.kind === 'fanned_out' ? fact.eventId : fact.delivery.deliveryId
  return { topic, key, value: JSON.stringify(fact), headers: { kind: fact.kind } }
}

/** @throws {UndecodableRecord} */
export function decodeFact(message: ReceivedMessage): Fact {
  const fact = jsonValue<Fact>(message)
  if (!KINDS.includes(fact.kind)) throw new UndecodableRecord(`"${String(fact.kind).slice(0, 40)}" is not a fact`)
  return fact
}
