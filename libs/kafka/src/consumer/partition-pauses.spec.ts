import { describe, expect, it } from 'vitest'
import { PartitionPauses } from './partition-pauses.js'

const one = { topic: 't', partition: 1 }
const two = { topic: 't', partition: 2 }

/** kafkajs' side, as far as it pauses. */
class PausedPartitions {
  readonly now = new Set<number>()
  pause(topics: { partitions: number[] }[]): void {
    for (const { partitions } of topics) for (const partition of partitions) this.now.add(partition)
  }
  resume(topics: { partitions: number[] }[]): void {
    for (const { partitions } of topics) for (const partition of partitions) this.now.delete(partition)
  }
  paused() {
    return [{ topic: 't', partitions: [...this.now] }]
  }
}

describe('PartitionPauses', () => {
  it('keeps a partition paused while any reason stands', () => {
    const kafkajs = new PausedPartitions()
    const pauses = new PartitionPauses(kafkajs)
    pauses.pause(one, 'memory')
    pauses.pause(one, 'not due')
    pauses.resume(one, 'memory')
    expect([...kafkajs.now]).toEqual([1])
    pauses.resume(one, 'not due')
    expect([...kafkajs.now]).toEqual([])
  })

  it('has forgotten a reason that ended, also for a pause of all and for the next join', () => {
    const kafkajs = new PausedPartitions()
    const pauses = new PartitionPauses(kafkajs)
    pauses.pause(one, 'not due')
    pauses.resume(one, 'not due')
    expect(pauses.isPaused(one)).toBe(false)
    pauses.pauseAll([one], 'memory')
    pauses.resumeAll([one], 'memory')
    pauses.afterJoin([one], [])
    expect([...kafkajs.now]).toEqual([])
  })

  it('keeps a partition’s own reason over a pause of all', () => {
    const kafkajs = new PausedPartitions()
    const pauses = new PartitionPauses(kafkajs)
    pauses.pause(one, 'not due')
    pauses.pauseAll([one, two], 'memory')
    expect([...kafkajs.now]).toEqual([1, 2])
    pauses.resumeAll([one, two], 'memory')
    expect([...kafkajs.now]).toEqual([1])
  })

  it('pauses what comes later while all are paused', () => {
    const kafkajs = new PausedPartitions()
    const pauses = new PartitionPauses(kafkajs)
    pauses.pauseAll([], 'drain')
    pauses.afterJoin([two], [])
    expect([...kafkajs.now]).toEqual([2])
  })

  it('forgets the reasons of a lost partition, and releases it where kafkajs still remembers', () => {
    const kafkajs = new PausedPartitions()
    const pauses = new PartitionPauses(kafkajs)
    pauses.pause(one, 'memory')
    pauses.pause(two, 'memory')
    pauses.afterJoin([two], [one])
    expect([...kafkajs.now]).toEqual([2])
    pauses.afterJoin([one, two], [])
    expect([...kafkajs.now]).toEqual([2])
  })

  it('holds nothing back after a crash: what the reason was about was dropped with the partition', () => {
    const kafkajs = new PausedPartitions()
    const pauses = new PartitionPauses(kafkajs)
    pauses.pause(one, 'not due')
    pauses.forget([one])
    pauses.afterJoin([one], [])
    expect([...kafkajs.now]).toEqual([])
  })

  it('repeats the pauses to a kafkajs that has restarted and lost them', () => {
    const kafkajs = new PausedPartitions()
    const pauses = new PartitionPauses(kafkajs)
    pauses.pause(one, 'memory')
    kafkajs.now.clear()
    pauses.afterJoin([one], [])
    expect([...kafkajs.now]).toEqual([1])
  })
})
