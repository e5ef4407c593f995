import { expect, it } from 'vitest'
import type { PlannedFault } from './ledger/fault-plan.js'
import { runLedger } from './ledger/run-ledger.js'

const SEED = 20_240_115

/** One of each kind and every process at least once; the long run (`node test/ledger/run.mjs`) draws its own. */
const faults: PlannedFault[] = [
  { target: 'dispatcher', kind: 'kill', waitMs: 4_000, awayMs: 0 },
  { target: 'postgres', kind: 'kill', waitMs: 3_000, awayMs: 2_000 },
  { target: 'fanout', kind: 'kill', waitMs: 3_000, awayMs: 500 },
  { target: 'kafka', kind: 'kill', waitMs: 4_000, awayMs: 1_000 },
  { target: 'dispatcher', kind: 'term', waitMs: 14_000, awayMs: 0 },
  { target: 'api', kind: 'term', waitMs: 3_000, awayMs: 500 },
  { target: 'dispatcher', kind: 'pause', waitMs: 3_000, awayMs: 3_000 },
  { target: 'dispatcher', kind: 'kill', waitMs: 5_000, awayMs: 0 },
]

it('nothing is lost or invented while every process is killed, asked to end or stopped under load', async () => {
  const { ledger, verdict, report } = await runLedger({
    seed: SEED,
    faults,
    loadMs: 45_000,
    eventsPerSecond: 20,
    webhooks: 8,
    dispatchers: 1,
    quietWithinMs: 90_000,
  })
  expect(verdict.violations, report).toEqual([])
  // That the run was one: its load, its troubles and its faults.
  expect(ledger.faults).toHaveLength(faults.length)
  expect(verdict.chains.length).toBeGreaterThan(1_000)
  for (const answer of ['error', 'slow', 'hang', 'reset-before-body', 'reset-after-processing', 'gone']) {
    expect(
      ledger.requests.some((request) => request.answer === answer),
      answer,
    ).toBe(true)
  }
  expect(ledger.deliveries.some(({ status }) => status === 'exhausted')).toBe(true)
}, 300_000)
