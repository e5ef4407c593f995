import { expect, it } from 'vitest'
import { Registry } from '#telemetry'
import { AttemptedKeys } from './past/attempted-keys.js'
import { DispatchMetrics } from './dispatch-metrics.js'
import { MemoryBounds } from './memory-bounds.js'
import { heldBytes } from './work.js'
import { someWork } from './work.testing.js'
import { WorksInHand } from './works-in-hand.js'

const NOW = 1_000
const sameAttempt = (partition = {}) => someWork({ id: 'dlv_1' }, partition)

function someInHand() {
  const attempted = new AttemptedKeys()
  const memory = new MemoryBounds()
  return { inHand: new WorksInHand(attempted, memory, new DispatchMetrics(new Registry())), attempted, memory }
}

it('knows a second record for an attempt as a double for as long as the first is in hand', () => {
  const { inHand, memory } = someInHand()
  const work = sameAttempt()
  expect(inHand.isDouble(sameAttempt(), NOW)).toBe(false)
  inHand.take(work)
  expect(inHand.isDouble(sameAttempt(), NOW)).toBe(true)
  expect([memory.live.records, memory.live.bytes]).toEqual([1, heldBytes(work)])
  inHand.letGo(work)
  expect(inHand.isDouble(sameAttempt(), NOW)).toBe(false)
  expect([memory.live.records, memory.live.bytes]).toEqual([0, 0])
})

it('takes another event, accepted under the same id days later, for no double', () => {
  const { inHand, memory } = someInHand()
  const monday = sameAttempt()
  const days = 3 * 86_400_000
  const another = () => someWork({ id: 'dlv_1', acceptedAt: monday.delivery.acceptedAt + days })
  inHand.take(monday)
  expect(inHand.isDouble(another(), NOW)).toBe(false)
  const thursday = another()
  inHand.take(thursday)
  inHand.letGo(monday)
  expect(inHand.isDouble(another(), NOW)).toBe(true)
  inHand.letGo(thursday)
  expect([memory.live.records, memory.live.bytes]).toEqual([0, 0])
})

it('holds what is being put off, and takes its own record for no double', () => {
  const { inHand, memory } = someInHand()
  const work = sameAttempt()
  inHand.take(work)
  inHand.leave(work)
  expect([inHand.isDouble(sameAttempt(), NOW), memory.live.records]).toEqual([false, 1])
})

it('does not forget what came after when it lets go of what came before', () => {
  const { inHand } = someInHand()
  const partition = { lost: false }
  const before = sameAttempt(partition)
  inHand.take(before)
  partition.lost = true
  expect(inHand.isDouble(sameAttempt(), NOW)).toBe(false)
  inHand.take(sameAttempt())
  inHand.letGo(before)
  expect(inHand.isDouble(sameAttempt(), NOW)).toBe(true)
})

it('counts a replay apart, and a retry of it with the others', () => {
  const { inHand, memory } = someInHand()
  inHand.take(someWork({ trigger: 'replay' }))
  inHand.take(someWork({ trigger: 'replay', attempt: 2, notBefore: NOW }))
  expect([memory.replays.records, memory.live.records]).toEqual([1, 1])
})
