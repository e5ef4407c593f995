import type { WebhookCommand } from '#domain'
import { type Message, type ReceivedMessage, UndecodableRecord, jsonValue } from './message.js'

/** webhook-commands: key is the webhook; imperative, from the dispatcher to the API. */
export function encodeWebhookCommand(topic: string, command: WebhookCommand): Message {
  return { topic, key: command.webhookId, value: JSON.stringify(command), headers: { kind: command.kind } }
}

/** @throws {UndecodableRecord} */
export function decodeWebhookCommand(message: ReceivedMessage): WebhookCommand {
  const command = jsonValue<WebhookCommand>(message)
  if (command.kind !== 'disable_webhook') {
    throw new UndecodableRecord(`"${String(command.kind).slice(0, 40)}" is not a command`)
  }
  return command
}
