import { describe, expect, it } from 'vitest'
import { Circuit, FAILURES_TO_OPEN } from './circuit.js'

const failing = (circuit: Circuit, count: number, now = 0) => {
  for (let i = 0; i < count; i++) circuit.failed(`dlv_${i}`, now)
}

describe('the circuit', () => {
  it('opens after ten failures in a row from ten deliveries', () => {
    const circuit = new Circuit()
    failing(circuit, FAILURES_TO_OPEN - 1)
    expect(circuit.limit(0)).toBe(Infinity)
    circuit.failed('dlv_last', 0)
    expect(circuit.limit(0)).toBe(0)
    expect(circuit.opensToAttemptsAt(0)).toBe(5_000)
    expect(circuit.opensToAttemptsAt(6_000)).toBe(6_000)
  })

  it('stays closed for one delivery that fails again and again', () => {
    const circuit = new Circuit()
    for (let i = 0; i < 50; i++) circuit.failed('dlv_same', i)
    expect(circuit.limit(50)).toBe(Infinity)
  })

  it('starts counting anew after a success', () => {
    const circuit = new Circuit()
    failing(circuit, 9)
    circuit.succeeded(16)
    failing(circuit, 9)
    expect(circuit.isOpen(0)).toBe(false)
  })

  it('lets one probe through when its time is over, and doubles the time when that fails, up to five minutes', () => {
    const circuit = new Circuit()
    failing(circuit, 10)
    let now = 0
    const openTimes: number[] = []
    for (let i = 0; i < 8; i++) {
      const until = circuit.opensToAttemptsAt(now)
      openTimes.push((until - now) / 1_000)
      now = until
      expect(circuit.limit(now)).toBe(1)
      circuit.failed('dlv_probe', now)
    }
    expect(openTimes).toEqual([5, 10, 20, 40, 80, 160, 300, 300])
  })

  it('is probed, too, by an attempt that nobody asked it about: its lane had few', () => {
    const circuit = new Circuit()
    failing(circuit, FAILURES_TO_OPEN)
    circuit.failed('dlv_probe', 5_000)
    expect(circuit.opensToAttemptsAt(5_000)).toBe(15_000)
  })

  it('ramps up after a successful probe and closes at the cap', () => {
    const circuit = new Circuit()
    failing(circuit, 10)
    const limits: number[] = []
    for (let i = 0; i < 4; i++) {
      limits.push(circuit.limit(5_000))
      circuit.succeeded(8)
    }
    expect(limits).toEqual([1, 2, 4, Infinity])
  })

  it('opens for five seconds again once it has been closed', () => {
    const circuit = new Circuit()
    failing(circuit, 10)
    circuit.limit(5_000)
    circuit.failed('dlv_probe', 5_000)
    circuit.limit(15_000)
    for (let i = 0; i < 4; i++) circuit.succeeded(2)
    failing(circuit, 10, 20_000)
    expect(circuit.opensToAttemptsAt(20_000)).toBe(25_000)
  })

  it('ignores stragglers that were under way when it opened', () => {
    const circuit = new Circuit()
    failing(circuit, 10)
    circuit.failed('dlv_late', 4_000)
    expect(circuit.opensToAttemptsAt(4_000)).toBe(5_000)
    // Begun just before it opened, and timed out just after its time was over: the probe is still to be made.
    circuit.failed('dlv_later', 5_010, -10)
    expect(circuit.limit(5_010)).toBe(1)
  })

  it('probes first for a webhook that was just enabled', () => {
    const circuit = new Circuit()
    circuit.probeNext()
    expect(circuit.limit(0)).toBe(1)
  })
})
