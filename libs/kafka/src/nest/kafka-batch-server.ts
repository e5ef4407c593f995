import { type CustomTransportStrategy, type MessageHandler, Server } from '@nestjs/microservices'
import { isObservable, lastValueFrom } from 'rxjs'
import type { ConsumerHooks, DecoupledConsumerOptions } from '../consumer/consumer-options.js'
import { DecoupledConsumer } from '../consumer/decoupled-consumer.js'
import type { RecordBatch } from '../consumer/record-batch.js'
import type { KafkaConnection } from '../kafka-connection.js'

/** The handler declared with @EventPattern<string>(pattern) receives the batches of this topic. */
export interface TopicSubscription {
  topic: string
  pattern: string
}

export interface KafkaBatchServerOptions extends Omit<DecoupledConsumerOptions, 'topics'> {
  connection: KafkaConnection
  subscriptions: TopicSubscription[]
  hooks: ConsumerHooks
}

/**
 * A Nest microservice transport whose handlers receive whole batches: Nest's own Kafka transport hands out single
 * messages and hides the offsets. What a handler returns is awaited before the next batch comes; one that only
 * enqueues returns at once. One that throws is called again with the same batch.
 */
export class KafkaBatchServer extends Server implements CustomTransportStrategy {
  readonly consumer: DecoupledConsumer
  private handlers = new Map<string, MessageHandler>()

  constructor(private readonly options: KafkaBatchServerOptions) {
    super()
    const { connection, subscriptions, hooks, ...consumer } = options
    const topics = subscriptions.map(({ topic }) => topic)
    this.consumer = new DecoupledConsumer(connection, { ...consumer, topics }, (batch) => this.hand(batch), hooks)
  }

  /** Fails when a topic has no handler or a handler no topic: either would be a silent loss. */
  listen(callback: (error?: unknown) => void): void {
    try {
      this.handlers = this.handlerPerTopic()
    } catch (error) {
      callback(error)
      return
    }
    this.consumer.start().then(() => callback(), callback)
  }

  close(): Promise<void> {
    return this.consumer.close()
  }

  /** This transport has no events of its own; the consumer's hooks tell what happens. */
  on(): never {
    throw new Error('KafkaBatchServer emits no events: use its hooks')
  }

  unwrap<T>(): T {
    return this.consumer as T
  }

  private handlerPerTopic(): Map<string, MessageHandler> {
    const perTopic = new Map<string, MessageHandler>()
    const unused = new Set(this.messageHandlers.keys())
    for (const { topic, pattern } of this.options.subscriptions) {
      const handler = this.getHandlerByPattern(pattern)
      if (!handler) throw new Error(`no @EventPattern('${pattern}') handles topic ${topic}`)
      if (handler.next) throw new Error(`more than one handler for @EventPattern('${pattern}')`)
      unused.delete(pattern)
      perTopic.set(topic, handler)
    }
    if (unused.size > 0) throw new Error(`no topic is subscribed for @EventPattern: ${[...unused].join(', ')}`)
    return perTopic
  }

  private async hand(batch: RecordBatch): Promise<void> {
    const handler = this.handlers.get(batch.topic)
    if (!handler) throw new Error(`no handler for topic ${batch.topic}`)
    const result: unknown = await handler(batch)
    if (isObservable(result)) await lastValueFrom(result, { defaultValue: undefined })
  }
}
