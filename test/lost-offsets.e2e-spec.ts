import { afterAll, beforeAll, expect, it } from 'vitest'
import { eventually } from './support/eventually.js'
import { Pipeline } from './support/pipeline.js'
import { Receiver } from './support/receiver.js'
import { deleteGroups } from './support/topics.js'

const EVENTS = 40

let pipeline: Pipeline
let receiver: Receiver

beforeAll(async () => {
  ;[pipeline, receiver] = await Promise.all([Pipeline.start(), Receiver.start()])
})
afterAll(async () => {
  await pipeline?.stop()
  await receiver?.stop()
})

/** How often the service has said that it found partitions with records and without an offset. */
async function timesWithoutOffsets(service: string): Promise<number> {
  return (await pipeline.log(service)).split('no offsets for partitions with records').length - 1
}

it.each([{ services: ['fanout', 'dispatcher'] }, { services: ['fanout'] }, { services: ['dispatcher'] }])(
  'sends nothing again when the broker has lost the offsets of $services',
  async ({ services }) => {
    const name = services.join('-')
    const path = `/known-${name}`
    const webhook = await pipeline.owner.createWebhook(receiver.url(path), ['context.updated'])
    const accepted = await Promise.all(Array.from({ length: EVENTS }, () => pipeline.publish()))
    await eventually(() => expect(receiver.at(path)).toHaveLength(EVENTS))
    for (const { id } of accepted) {
      await eventually(async () => {
        const { matches } = await pipeline.owner.expect<{ matches: object[] }>('GET', `/v1/events/${id}`)
        expect(matches).toContainEqual(expect.objectContaining({ webhook_id: webhook.id, status: 'delivered' }))
      })
    }
    const told = await Promise.all(services.map(timesWithoutOffsets))

    for (const service of services) await pipeline.service(service).stop()
    await deleteGroups(
      pipeline.kafkaBrokers,
      services.map((service) => pipeline.topicPrefix + service),
    )
    const newcomer = `/newcomer-${name}`
    await pipeline.owner.createWebhook(receiver.url(newcomer), ['context.updated'])
    for (const service of services) await pipeline.service(service).startAgain()

    // Of the same account, so in the same partition: what is before it was read before it.
    const { id } = await pipeline.publish()
    await eventually(() => expect(receiver.at(newcomer).map(({ eventId }) => eventId)).toEqual([id]), 60_000)
    await eventually(() => expect(receiver.at(path)).toHaveLength(EVENTS + 1))
    expect(receiver.at(path).at(-1)!.eventId).toBe(id)
    await eventually(async () => {
      expect(await Promise.all(services.map(timesWithoutOffsets))).toEqual(told.map((times) => times + 1))
    })
  },
  180_000,
)
