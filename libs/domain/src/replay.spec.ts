import { describe, expect, it } from 'vitest'
import { deliveryStatuses } from './delivery.js'
import { type ReplayCommand, chosenBy, replayStateAfter, replayStates } from './replay.js'

describe('what a replay chooses', () => {
  it('as failed are the deliveries that were given up, and no event without a delivery', () => {
    expect(chosenBy('failed')).toEqual({ withoutDelivery: false, ends: ['exhausted', 'expired', 'gone'] })
  })

  it('as missed are events without a delivery and those whose delivery was cancelled', () => {
    expect(chosenBy('missed')).toEqual({ withoutDelivery: true, ends: ['cancelled'] })
  })

  it('as all is everything but what is still on its way', () => {
    const { withoutDelivery, ends } = chosenBy('all')
    expect(withoutDelivery).toBe(true)
    expect([...ends].sort()).toEqual(deliveryStatuses.filter((status) => status !== 'waiting').sort())
  })
})

describe('a replay', () => {
  const after = (command: ReplayCommand, hasStarted = true) =>
    Object.fromEntries(replayStates.map((state) => [state, replayStateAfter(state, command, hasStarted)]))

  it('can be paused while it waits or runs', () => {
    expect(after('pause')).toEqual({ waiting: 'paused', running: 'paused', paused: null, done: null, cancelled: null })
  })

  it('can be resumed only from its pause, to where it was', () => {
    expect(after('resume')).toEqual({ waiting: null, running: null, paused: 'running', done: null, cancelled: null })
    expect(replayStateAfter('paused', 'resume', false)).toBe('waiting')
  })

  it('can be cancelled until it is over', () => {
    expect(after('cancel')).toEqual({
      waiting: 'cancelled',
      running: 'cancelled',
      paused: 'cancelled',
      done: null,
      cancelled: null,
    })
  })
})
