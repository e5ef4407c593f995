import { describe, expect, it } from 'vitest'
import { type Delivery, RetrySchedule } from '#domain'
import { type BatchHolding, RecordBatch } from '#kafka'
import { TopicMap, encodeDelivery } from '#topics'
import { aDelivery } from '../../../../libs/domain/src/builders.testing.js'
import { received } from '../../../../libs/topics/src/received.testing.js'
import { Intake } from './intake.js'
import { MemoryBounds } from '../memory-bounds.js'
import type { Work } from '../work.js'

const schedule = RetrySchedule.parse('10s,1m,6m,36m,3h36m')
const topics = new TopicMap({
  prefix: '',
  schedule,
  eventRetentionMs: 1,
  deliveryRetentionMs: 1,
  deliveryMaxAgeMs: 86_400_000,
})

/** An intake whose lanes take as many replays as there is room. */
function anIntake(atFirst: number) {
  let room = atFirst
  const taken: string[] = []
  const works: Work[] = []
  const asked: string[] = []
  let makeRoom: () => void = () => {}
  const dispatch = {
    offer: (work: Work) => {
      if (taken.length >= room) return false
      taken.push(work.delivery.id)
      works.push(work)
      return true
    },
    whenReplayRoom: (_: Work, tell: () => void) => (makeRoom = tell),
  }
  const intake = new Intake(
    dispatch as never,
    {} as never,
    { listen: () => {} } as never,
    {} as never,
    new MemoryBounds(),
    { listen: () => {} } as never,
    { concerns: () => false } as never,
    { concerns: () => false } as never,
    { saw: () => {} } as never,
    topics,
    schedule,
    {} as never,
    {} as never,
  )
  intake.attach({
    pause: (topic, partition, reason) => asked.push(`pause ${topic}/${partition}: ${reason}`),
    resume: (topic, partition, reason) => asked.push(`resume ${topic}/${partition}: ${reason}`),
    rewind: (topic, partition, offset) => asked.push(`rewind ${topic}/${partition} to ${offset}`),
    pauseAll: () => {},
    resumeAll: () => {},
  })
  const giveRoom = async (more: number): Promise<void> => {
    room += more
    makeRoom()
    await Promise.resolve()
  }
  return { intake, taken, works, asked, makeRoom: giveRoom }
}

function aBatch(deliveries: Partial<Delivery>[]): RecordBatch {
  const records = deliveries.map((delivery, i) => ({
    ...received(encodeDelivery(topics.replay, aDelivery({ trigger: 'replay', ...delivery }))),
    topic: topics.replay,
    partition: 2,
    offset: 100 + i,
  }))
  const holding: BatchHolding = { complete: () => {}, isOwned: () => true, isHeld: () => true, isNamed: () => true }
  return new RecordBatch(topics.replay, 2, 1, records, 200, holding)
}

describe('the records of a replay', () => {
  const batch = aBatch([{ id: 'dlv_0' }, { id: 'dlv_1' }, { id: 'dlv_2' }, { id: 'dlv_3' }])

  it('are all taken where there is room', async () => {
    const { intake, taken, asked } = anIntake(10)
    await intake.replays(batch)
    expect(taken).toEqual(['dlv_0', 'dlv_1', 'dlv_2', 'dlv_3'])
    expect(asked.filter((what) => !what.startsWith('resume'))).toEqual([])
  })

  it('are kept without the others of their batch, and without the answer to a fetch that they came in', async () => {
    const { intake, works } = anIntake(10)
    await intake.replays(batch)
    const [work] = works
    const [record] = batch.records
    expect(work!.delivery.body.equals(record!.value!)).toBe(true)
    record!.value!.fill(0)
    expect(work!.delivery.body.equals(record!.value!)).toBe(false)
    expect([work!.record.value, work!.batch.records]).toEqual([null, []])
    expect(work!.record).toMatchObject({ topic: topics.replay, partition: 2, offset: 100 })
  })

  it('wait for room, and are not read again', async () => {
    const { intake, taken, asked, makeRoom } = anIntake(2)
    await intake.replays(batch)
    expect(taken).toEqual(['dlv_0', 'dlv_1'])
    await makeRoom(2)
    expect(taken).toEqual(['dlv_0', 'dlv_1', 'dlv_2', 'dlv_3'])
    expect(asked.filter((what) => !what.startsWith('resume'))).toEqual([])
  })
})
