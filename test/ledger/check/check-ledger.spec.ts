import { describe, expect, it } from 'vitest'
import type { Ledger, LedgerRequest } from '../ledger.js'
import { DELAYS_MS, START, aFault, aRequest, aSoundLedger, anAttempt } from '../ledger.testing.js'
import { checkLedger } from './check-ledger.js'
import { type RepeatBounds, repeatBounds } from './repeats.js'

const check = (ledger: Ledger, bounds = repeatBounds) => checkLedger(ledger, { delaysMs: DELAYS_MS, bounds })
const rulesBroken = (ledger: Ledger) => new Set(check(ledger).violations.map(({ rule }) => rule))

/** A sound ledger after one change. */
function ledgerWith(change: (ledger: Ledger) => void): Ledger {
  const ledger = aSoundLedger()
  change(ledger)
  return ledger
}

const requestOf = ({ requests }: Ledger, path: string, eventId: string, attempt = 1): LedgerRequest =>
  requests.find((request) => request.path === path && request.eventId === eventId && request.attempt === attempt)!

function remove<T>(from: T[], item: T | undefined): void {
  expect(from).toContain(item)
  from.splice(from.indexOf(item as T), 1)
}

/** Puts a request in, and into the log as well. */
function addRequest(ledger: Ledger, like: LedgerRequest, overrides: Partial<LedgerRequest>): void {
  const webhook = ledger.webhooks.find(({ path }) => path === like.path)!
  const event = ledger.events.find(({ id }) => id === like.eventId)!
  const { attempt = like.attempt, answer = like.answer, at = like.at } = overrides
  const request = { ...aRequest(webhook, event, attempt, answer, at), ...overrides }
  ledger.requests.push(request)
  ledger.deliveries.find(({ id }) => id === like.deliveryId)!.attempts!.push(anAttempt(request))
}

it('finds nothing in a sound ledger', () => {
  expect(check(aSoundLedger()).violations).toEqual([])
})

describe('one record taken away', () => {
  it('of the only request of a delivery is a loss', () => {
    const ledger = ledgerWith((it) => remove(it.requests, requestOf(it, '/steady', 'evt_quick')))
    expect(rulesBroken(ledger)).toEqual(new Set(['nothing lost', 'the log tells the truth']))
  })

  it('of the request that ended a chain is a loss', () => {
    const ledger = ledgerWith((it) => remove(it.requests, requestOf(it, '/failing', 'evt_quick', 3)))
    expect(rulesBroken(ledger)).toContain('nothing lost')
  })

  it('of a request in the middle of a chain is a gap in its attempts', () => {
    const ledger = ledgerWith((it) => remove(it.requests, requestOf(it, '/failing', 'evt_hopeless', 4)))
    expect(rulesBroken(ledger)).toContain('attempts in order')
  })

  it('of an event that was posted makes its requests inventions', () => {
    const ledger = ledgerWith((it) => it.events.shift())
    expect(rulesBroken(ledger)).toEqual(new Set(['nothing invented']))
  })

  it('of a webhook makes its requests inventions', () => {
    const ledger = ledgerWith((it) => it.webhooks.shift())
    expect(rulesBroken(ledger)).toEqual(new Set(['nothing invented']))
  })

  it('of the row of a delivery is told', () => {
    const ledger = ledgerWith((it) => it.deliveries.shift())
    expect(rulesBroken(ledger)).toEqual(new Set(['the log tells the truth']))
  })

  it('of a row of an attempt is told', () => {
    const ledger = ledgerWith((it) => it.deliveries[2]!.attempts!.splice(1, 1))
    expect(rulesBroken(ledger)).toEqual(new Set(['the log tells the truth']))
  })

  it('of the disabling of a webhook that is gone is told', () => {
    const ledger = ledgerWith((it) => (it.webhooks[2]!.timesDisabled = 0))
    expect(rulesBroken(ledger)).toEqual(new Set(['disabled exactly once']))
  })

  it('of the proof of a fault is told', () => {
    const ledger = ledgerWith((it) => it.faults.push(aFault({ proof: '' })))
    expect(rulesBroken(ledger)).toEqual(new Set(['every fault happened and healed']))
  })
})

describe('an event that was never accepted', () => {
  it('may have reached nobody', () => {
    const ledger = ledgerWith((it) => {
      it.events.push({ ...it.events[0]!, id: 'evt_unknown', posts: [{ at: START, answer: 'unknown' }] })
    })
    expect(check(ledger).violations).toEqual([])
  })

  it('must have reached everybody when it reached one', () => {
    const ledger = ledgerWith((it) => {
      it.events[0]!.posts = [{ at: START, answer: 'unknown' }]
      remove(it.requests, requestOf(it, '/steady', 'evt_quick'))
    })
    expect(rulesBroken(ledger)).toContain('nothing lost')
  })
})

describe('what was sent', () => {
  it.each<[string, Partial<LedgerRequest>]>([
    ['with other bytes', { bodySha256: 'x' }],
    ['with another signature', { signature: 'x' }],
    ['with another standard signature', { standardSignature: 'v1,x' }],
    ['with the signature of another second', { timestamp: '1' }],
  ])('%s is told', (_, change) => {
    const ledger = ledgerWith((it) => Object.assign(it.requests[0]!, change))
    expect(rulesBroken(ledger)).toEqual(new Set(['nothing altered']))
  })

  it('under the id of another delivery is told', () => {
    const ledger = ledgerWith((it) => (it.requests[0]!.deliveryId = 'dlv_other'))
    expect(rulesBroken(ledger)).toEqual(new Set(['nothing invented']))
  })

  it('for a type that was not subscribed to is told', () => {
    const ledger = ledgerWith((it) => (it.webhooks[0]!.types = ['context.created']))
    expect(rulesBroken(ledger)).toEqual(new Set(['nothing invented']))
  })
})

describe('a retry', () => {
  it('that came early is told', () => {
    const ledger = ledgerWith((it) => {
      const request = requestOf(it, '/failing', 'evt_quick', 2)
      request.at = requestOf(it, '/failing', 'evt_quick', 1).settledAt + 990
    })
    expect(rulesBroken(ledger)).toContain('never early')
  })

  it('is measured from an attempt that found no connection, too', () => {
    const ledger = ledgerWith((it) => {
      const { attempts } = it.deliveries[2]!
      const first = requestOf(it, '/failing', 'evt_quick', 1)
      remove(it.requests, first)
      Object.assign(attempts![0]!, { status: null, reason: 'timeout' })
      expect(check(it).violations).toEqual([])
      attempts![0]!.startedAt += 500
    })
    expect(rulesBroken(ledger)).toEqual(new Set(['never early']))
  })

  it('beyond the sixth attempt is told', () => {
    const ledger = ledgerWith((it) => {
      const sixth = requestOf(it, '/failing', 'evt_hopeless', 6)
      addRequest(it, sixth, { attempt: 7, at: sixth.at + 20_000 })
    })
    expect(rulesBroken(ledger)).toContain('attempts in order')
  })
})

describe('a request that came twice', () => {
  const twice = (faults: ReturnType<typeof aFault>[], laterMs = 4_000) =>
    ledgerWith((it) => {
      it.faults.push(...faults)
      const first = requestOf(it, '/steady', 'evt_quick')
      addRequest(it, first, { at: first.at + laterMs })
    })
  const kill = aFault({ at: START + 500, backAt: START + 3_500 })

  it('without a cause is told', () => {
    expect(rulesBroken(twice([]))).toEqual(new Set(['no repeat without a cause']))
  })

  it('because its owner was killed before it had committed is counted', () => {
    const verdict = check(twice([kill]))
    expect(verdict.violations).toEqual([])
    expect(verdict.repeats.map(({ cause }) => cause)).toEqual(['fault'])
  })

  it('although its owner drained before it ended is told', () => {
    expect(rulesBroken(twice([{ ...kill, kind: 'term' }]))).toEqual(new Set(['no repeat without a cause']))
  })

  it('long after it was committed is told', () => {
    expect(rulesBroken(twice([aFault()], 9_000))).toEqual(new Set(['no repeat without a cause']))
  })

  it('because it was fanned out twice and its owner was killed in between is counted', () => {
    const fanout = aFault({ target: 'fanout', instance: 'fanout', at: START + 50, backAt: START + 2_000 })
    const verdict = check(twice([fanout, aFault()], 9_000))
    expect(verdict.violations).toEqual([])
    expect(verdict.repeats.map(({ cause }) => cause)).toEqual(['doubled'])
  })

  it('long after its owner was back, because it was fanned out twice, is not what the owner had not committed', () => {
    const fanout = aFault({ target: 'fanout', instance: 'fanout', at: START + 50, backAt: START + 2_000 })
    const causes = (laterMs: number) => check(twice([fanout, kill], laterMs)).repeats.map(({ cause }) => cause)
    expect(causes(4_000)).toEqual(['fault'])
    expect(causes(15_000)).toEqual(['doubled'])
  })

  it('because it was fanned out twice, while nobody forgot it, is told', () => {
    const fanout = aFault({ target: 'fanout', instance: 'fanout', at: START + 50, backAt: START + 2_000 })
    expect(rulesBroken(twice([fanout]))).toEqual(new Set(['no repeat without a cause']))
  })

  it('more often than a fault may cause is told', () => {
    const few = { mostPerFault: 0, mostAfterBurst: 0 }
    const broken = (changes: Partial<RepeatBounds>) =>
      check(twice([kill]), { ...repeatBounds, ...few, ...changes }).violations.map(({ rule }) => rule)
    expect(broken({})).toEqual(['repeats bounded'])
    expect(broken({ mostAfterBurst: 1 })).toEqual([])
    expect(broken({ mostAfterBurst: 1, burstMs: -10_000 })).toEqual(['repeats bounded'])
  })

  it('is not held against its owner where its event was fanned out twice: the second record is attempted anyway', () => {
    const fanout = aFault({ target: 'fanout', instance: 'fanout', at: START + 50, backAt: START + 2_000 })
    const bounds = { ...repeatBounds, mostPerFault: 0, burstMs: -10_000 }
    const broken = (...faults: ReturnType<typeof aFault>[]) =>
      check(twice(faults), bounds).violations.map(({ rule }) => rule)
    expect(broken(kill)).toEqual(['repeats bounded'])
    expect(broken(fanout, kill)).toEqual([])
  })

  it('within one attempt, since its connection was lost, is no repeat of a fault', () => {
    const ledger = ledgerWith((it) => {
      const request = requestOf(it, '/steady', 'evt_quick')
      const lost = { ...request, at: request.at - 5, isAnswered: false, answer: 'reset-before-body' as const }
      it.requests.push({ ...lost, settledAt: request.at - 4, bodySha256: null })
      it.deliveries[0]!.attempts![0]!.startedAt = request.at - 6
    })
    const verdict = check(ledger)
    expect(verdict.violations).toEqual([])
    expect(verdict.repeats.map(({ cause }) => cause)).toEqual(['connection'])
  })
})

describe('a request behind the end of its chain', () => {
  const behind = (faults: ReturnType<typeof aFault>[]) =>
    ledgerWith((it) => {
      it.faults.push(...faults)
      const first = requestOf(it, '/steady', 'evt_quick')
      addRequest(it, first, { attempt: 2, at: first.at + 5_000 })
    })

  it('is told', () => {
    expect(rulesBroken(behind([]))).toEqual(new Set(['ended chains stay ended']))
  })

  it('is none when its end came too late for the dispatcher', () => {
    const ledger = behind([])
    Object.assign(ledger.deliveries[0]!.attempts![0]!, { outcome: 'failed', reason: 'timeout', status: null })
    expect(check(ledger).violations).toEqual([])
  })

  it('is counted when its owner was killed in between', () => {
    const verdict = check(behind([aFault({ at: START + 1_000, backAt: START + 3_000 })]))
    expect(verdict.violations).toEqual([])
    expect(verdict.repeats.map(({ cause }) => cause)).toEqual(['ended'])
  })
})

describe('the log', () => {
  it.each(['waiting', 'exhausted', 'gone', 'expired', 'cancelled'])(
    'that calls a delivered one %s is told',
    (status) => {
      const ledger = ledgerWith((it) => (it.deliveries[0]!.status = status))
      expect(rulesBroken(ledger)).toEqual(new Set(['the log tells the truth']))
    },
  )

  it('that knows an answer that nobody gave is told', () => {
    const ledger = ledgerWith((it) => {
      it.deliveries[0]!.attempts!.push({ ...it.deliveries[0]!.attempts![0]!, id: 'atm_invented' })
    })
    expect(rulesBroken(ledger)).toEqual(new Set(['the log tells the truth']))
  })

  it('that lists a delivery twice is told', () => {
    const ledger = ledgerWith((it) => it.deliveries.push({ ...it.deliveries[0]! }))
    expect(rulesBroken(ledger)).toEqual(new Set(['the log tells the truth']))
  })

  it('may miss a request whose owner was killed with it in flight', () => {
    const ledger = ledgerWith((it) => {
      const first = requestOf(it, '/steady', 'evt_quick')
      it.faults.push(aFault({ at: first.at + 5, backAt: first.at + 3_000 }))
      addRequest(it, first, { at: first.at + 4_000 })
      it.deliveries[0]!.attempts!.shift()
    })
    const verdict = check(ledger)
    expect(verdict.violations).toEqual([])
    expect(verdict.unrecorded).toBe(1)
  })

  it('may miss a request whose connection was lost, when its owner was killed with the next one in flight', () => {
    const ledger = ledgerWith((it) => {
      const { at, ...request } = requestOf(it, '/steady', 'evt_quick')
      const killed = { ...request, isAnswered: false, timestamp: '1' }
      it.requests.push({ ...killed, at: at - 9_000, settledAt: at - 9_000, answer: 'reset-before-body' })
      it.requests.push({ ...killed, at: at - 8_995, settledAt: at - 5_500, answer: 'slow' })
      it.faults.push(aFault({ at: at - 5_500, backAt: at - 1_000 }))
    })
    const verdict = check(ledger)
    expect(verdict.violations.filter(({ rule }) => rule === 'the log tells the truth')).toEqual([])
    expect(verdict.unrecorded).toBe(2)
  })

  it('of which only the list was read must count what the receiver saw', () => {
    const ledger = ledgerWith((it) => {
      it.deliveries[0]!.attempts = null
      it.deliveries[0]!.attemptsMade = 2
    })
    expect(rulesBroken(ledger)).toEqual(new Set(['the log tells the truth']))
  })
})

describe('a webhook', () => {
  it('that was disabled twice is told', () => {
    const ledger = ledgerWith((it) => (it.webhooks[2]!.timesDisabled = 2))
    expect(rulesBroken(ledger)).toEqual(new Set(['disabled exactly once']))
  })

  it('that was disabled although it answers is told', () => {
    const ledger = ledgerWith((it) => (it.webhooks[0]!.timesDisabled = 1))
    expect(rulesBroken(ledger)).toEqual(new Set(['disabled exactly once']))
  })
})

it('tells of what went wrong beside the records', () => {
  const ledger = ledgerWith((it) => it.incidents.push('fanout 4711 ended by itself'))
  expect(rulesBroken(ledger)).toEqual(new Set(['no incident']))
})
