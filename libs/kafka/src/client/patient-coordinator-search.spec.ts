import { createRequire } from 'node:module'
import { expect, it } from 'vitest'
import { ClusterOfKafkaJs } from './kafkajs.js'

it('a coordinator that is not found is looked for again: the consumer does not die of it', async () => {
  const load = createRequire(import.meta.url)
  const { KafkaJSGroupCoordinatorNotFound } = load('kafkajs/src/errors.js') as {
    KafkaJSGroupCoordinatorNotFound: new () => Error
  }
  // A cluster whose brokers answer nothing, which is where kafkajs itself raises the error.
  const cluster = Object.create(ClusterOfKafkaJs.prototype, {
    brokerPool: { value: { withBroker: () => Promise.resolve(undefined) } },
  }) as { findGroupCoordinatorMetadata(group: { groupId: string }): Promise<unknown> }
  const error: unknown = await cluster.findGroupCoordinatorMetadata({ groupId: 'g' }).catch((reason: unknown) => reason)
  expect(error).toBeInstanceOf(KafkaJSGroupCoordinatorNotFound)
  expect(error).toMatchObject({ retriable: true })
})
