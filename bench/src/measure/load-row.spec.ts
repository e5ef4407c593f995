import { describe, expect, it } from 'vitest'
import { DeliveryLedger } from '../load/delivery-ledger.js'
import { EvenSchedule } from '../load/even-schedule.js'
import { Refusals } from '../load/refusals.js'
import { audienceOf, groupOf } from '../stack/audience.js'
import { isSustained, latencies, loadNotes, loadRow } from './load-row.js'
import type { LoadWindow } from './load-window.js'

const usage = { api: 1, fanout: 1, dispatcher: 1, broker: 1, postgres: 1, bench: 5 }

/** A window of 2 s at 100 deliveries/s after 1 s of warm-up, in which each delivery took 10 ms. */
function aWindow({ lost = [] as number[], ...changes }: Partial<LoadWindow> & { lost?: number[] } = {}): LoadWindow {
  const audience = audienceOf([{ id: 'acc_1' }], 1)
  const ledger = new DeliveryLedger('tag', 300, 1)
  const schedule = new EvenSchedule(1000, 100)
  for (let sequence = 0; sequence < 300; sequence++) {
    if (!lost.includes(sequence)) ledger.arrived(sequence, 0, schedule.dueAt(sequence) + 10)
  }
  return {
    load: { audience, deliveriesPerSecond: 100, seconds: 2, warmUpSeconds: 1 },
    ledger,
    schedule,
    firstEvent: 100,
    refusals: new Refusals(),
    backlog: [1, 1, 1, 1],
    arrivals: 200,
    cpuSeconds: usage,
    residentBytes: usage,
    readableAfterMs: 300,
    sendLateMs: [0.5],
    ...changes,
  }
}

describe('the figures of a load', () => {
  it('are latencies from the due time, and CPU by what arrived', () => {
    const { values, notes } = loadRow('x', aWindow())
    expect(values).toMatchObject({ offered: 100, delivered: 100, cpu_api: 5, cpu_all: 25, cpu_bench: 25 })
    expect([values.p50, values.p99, values.max].map((value) => Math.round(value!))).toEqual([10, 10, 10])
    expect(notes).toEqual([])
  })

  it('hide no delivery that never came', () => {
    const window = aWindow({ lost: [150, 250, 299] })
    expect(latencies(window).p99).toBe(Infinity)
    expect(loadRow('x', window).notes).toEqual(['3 deliveries had not arrived when nothing more came'])
  })

  it('leave the warm-up and other webhooks out', () => {
    expect(latencies(aWindow({ lost: [99] })).max).toBeLessThan(11)
    expect(latencies(aWindow({ lost: [150] }), (webhook) => webhook !== 0).max).toBeLessThan(11)
    expect(latencies(aWindow({ lost: [150] }), (webhook) => webhook === 0).max).toBe(Infinity)
  })

  it('tell of what came again, to whom it should not', () => {
    const window = aWindow()
    window.ledger.arrived(120, 0, 5000)
    expect(loadNotes(window)).toEqual(['1 deliveries came again'])
    expect(loadNotes(window, (webhook) => webhook !== groupOf(window.load.audience, 120).webhooks[0])).toEqual([])
  })

  it('tell when the generator, and not the product, may have been slow', () => {
    expect(loadRow('x', aWindow({ sendLateMs: [1, 50] })).notes).toEqual(['the generator itself was late, p99 50 ms'])
  })
})

describe('a rate', () => {
  it('is sustained when enough arrives, in time, and nothing piles up', () => {
    expect(isSustained(aWindow())).toBe(true)
    expect(isSustained(aWindow({ arrivals: 197 }))).toBe(false)
    expect(isSustained(aWindow({ backlog: [1, 1, 20, 40] }))).toBe(false)
    expect(isSustained(aWindow({ lost: [110, 120, 130] }))).toBe(false)
  })
})
