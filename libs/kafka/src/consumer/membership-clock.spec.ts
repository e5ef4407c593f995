import { describe, expect, it } from 'vitest'
import { MembershipClock } from './membership-clock.js'

describe('MembershipClock', () => {
  it('counts from when the confirmed request was sent, so that an answer read late confirms little', () => {
    let now = 60_000
    const clock = new MembershipClock(() => now)
    clock.answered('Heartbeat', 1_000)
    clock.confirmed()
    expect(clock.ageMs()).toBe(59_000)
    now = 61_000
    expect(clock.ageMs()).toBe(60_000)
  })

  it('is not refreshed by other requests, nor by heartbeats that were refused', () => {
    const clock = new MembershipClock(() => 10_000)
    clock.answered('SyncGroup', 2_000)
    clock.confirmed()
    clock.answered('Fetch', 9_000)
    clock.answered('Heartbeat', 9_500)
    expect(clock.ageMs()).toBe(8_000)
  })

  it('is in doubt from the answer to a join until the new assignment is known: others may have theirs already', () => {
    let now = 0
    const clock = new MembershipClock(() => now)
    clock.answered('Heartbeat', 0)
    clock.confirmed()
    now = 6_000
    clock.answered('JoinGroup', 1_000)
    expect(clock.ageMs()).toBe(Infinity)
    now = 6_500
    clock.answered('SyncGroup', 6_000)
    clock.confirmed()
    expect(clock.ageMs()).toBe(500)
  })

  it('knows no membership before the first confirmation and after a loss', () => {
    const clock = new MembershipClock(() => 10_000)
    expect(clock.ageMs()).toBe(Infinity)
    clock.answered('JoinGroup', 9_000)
    clock.confirmed()
    clock.lost()
    expect(clock.ageMs()).toBe(Infinity)
  })

  it('tells since when we were no member for certain, from the beginning on and whatever was lost meanwhile', () => {
    let now = 1_000
    const clock = new MembershipClock(() => now)
    now = 4_000
    expect(clock.unconfirmedMs()).toBe(3_000)
    clock.answered('SyncGroup', 4_000)
    clock.confirmed()
    now = 10_000
    clock.answered('JoinGroup', 9_000)
    clock.lost()
    expect(clock.unconfirmedMs()).toBe(6_000)
  })

  it('is in doubt after the clock was set back, until the group answers again', () => {
    let now = 3_600_000
    const clock = new MembershipClock(() => now)
    clock.answered('Heartbeat', 3_600_000)
    clock.confirmed()
    now = 1_000
    expect(clock.ageMs()).toBe(Infinity)
    clock.answered('Heartbeat', 1_000)
    clock.confirmed()
    expect(clock.ageMs()).toBe(0)
  })
})
