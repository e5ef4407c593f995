import 'reflect-metadata'
import { Controller, type Type } from '@nestjs/common'
import { EventPattern, Payload } from '@nestjs/microservices'
import { Test } from '@nestjs/testing'
import { afterAll, describe, expect, inject, it } from 'vitest'
import type { RecordBatch } from '../consumer/record-batch.js'
import { eventually } from '../testing/eventually.testing.js'
import { TestKafka } from '../testing/test-kafka.testing.js'
import { KafkaBatchServer } from './kafka-batch-server.js'

const kafka = new TestKafka(inject('kafkaBrokers'))

afterAll(() => kafka.close())

function serverFor(subscriptions: { topic: string; pattern: string }[]): KafkaBatchServer {
  return new KafkaBatchServer({
    connection: kafka.connection,
    groupId: `group-${subscriptions[0]!.topic}`,
    assignment: 'spread',
    trackBeyondMark: false,
    subscriptions,
    hooks: { onFatal: () => undefined },
  })
}

async function appWith(controller: Type, strategy: KafkaBatchServer) {
  const module = await Test.createTestingModule({ controllers: [controller] }).compile()
  return module.createNestMicroservice({ strategy, logger: false })
}

const calls: string[] = []

@Controller()
class Orders {
  @EventPattern<string>('orders')
  async orders(@Payload() batch: RecordBatch): Promise<void> {
    calls.push(`${calls.length}: ${batch.records.map(({ value }) => String(value)).join()}`)
    if (calls.length === 1) throw new Error('not yet')
    batch.completeAll()
  }
}

@Controller()
class Unsubscribed {
  @EventPattern<string>('orders')
  orders(): void {}
  @EventPattern<string>('nobody’s')
  nobodys(): void {}
}

describe('KafkaBatchServer', () => {
  it('hands whole batches to the handler of their pattern, again after a failure', async () => {
    const topic = await kafka.topic()
    await kafka.producer().send(['a', 'b'].map((value) => ({ topic, key: 'k', value })))
    const server = serverFor([{ topic, pattern: 'orders' }])
    const app = await appWith(Orders, server)
    await app.listen()
    await eventually('it is completed', () => calls.length === 2 && server.consumer.lag()[0]?.lag === 0)
    expect(calls).toEqual(['0: a,b', '1: a,b'])
    await app.close()
    expect(await kafka.committed(`group-${topic}`, topic)).toBe(2)
  })

  it('does not start with a topic that nobody handles', async () => {
    const app = await appWith(
      Orders,
      serverFor([
        { topic: 't', pattern: 'orders' },
        { topic: 'u', pattern: 'other' },
      ]),
    )
    await expect(app.listen()).rejects.toThrow('other')
  })

  it('does not start with a handler that no topic reaches', async () => {
    const app = await appWith(Unsubscribed, serverFor([{ topic: 't', pattern: 'orders' }]))
    await expect(app.listen()).rejects.toThrow('nobody’s')
  })
})
