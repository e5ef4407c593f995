import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { projectRoot } from '../local/src/index.js'
import type { PlannedFault } from './ledger/fault-plan.js'
import { mixedReceivers, mostlyQuick } from './ledger/receiver-plan.js'
import { runLedger } from './ledger/run-ledger.js'

const SEED = 20_240_115
/** Written when a test fails. */
const keepLogsIn = join(projectRoot(), '.local', 'ledger-e2e')

/** Every process at least once, the dispatcher in every way; the long run (`node test/ledger/run.mjs`) draws its own. */
const faults: PlannedFault[] = [
  { target: 'dispatcher', kind: 'kill', waitMs: 4_000, awayMs: 0 },
  { target: 'postgres', kind: 'kill', waitMs: 3_000, awayMs: 2_000 },
  { target: 'fanout', kind: 'kill', waitMs: 3_000, awayMs: 500 },
  { target: 'kafka', kind: 'kill', waitMs: 4_000, awayMs: 1_000 },
  { target: 'dispatcher', kind: 'term', waitMs: 14_000, awayMs: 0 },
  { target: 'api', kind: 'term', waitMs: 3_000, awayMs: 500 },
  { target: 'dispatcher', kind: 'pause', waitMs: 3_000, awayMs: 3_000 },
]

/** Each of three brokers in turn, two of them at once as well: the second is away before the first is back. */
const faultsOfBrokers: PlannedFault[] = [
  { target: 'kafka', kind: 'kill', waitMs: 4_000, awayMs: 2_000 },
  { target: 'kafka', kind: 'pause', waitMs: 9_000, awayMs: 5_000 },
  { target: 'kafka', kind: 'kill', waitMs: 9_000, awayMs: 4_000 },
  { target: 'kafka', kind: 'kill', waitMs: 1_000, awayMs: 4_000 },
  { target: 'dispatcher', kind: 'kill', waitMs: 9_000, awayMs: 0 },
  { target: 'kafka', kind: 'term', waitMs: 4_000, awayMs: 2_000 },
]

describe('under load', () => {
  it('nothing is lost or invented while every process is killed, asked to end or stopped', async () => {
    const { ledger, verdict, report } = await runLedger({
      seed: SEED,
      faults,
      loadMs: 40_000,
      eventsPerSecond: 20,
      receivers: mixedReceivers(SEED, 8),
      dispatchers: 1,
      quietWithinMs: 90_000,
      keepLogsIn,
    })
    expect(verdict.violations, report).toEqual([])
    // That the run was one: its load, its troubles and its faults.
    expect(ledger.faults).toHaveLength(faults.length)
    expect(verdict.chains.length).toBeGreaterThan(1_000)
    const answers = new Set(ledger.requests.map(({ answer }) => answer))
    for (const trouble of ['error', 'slow', 'hang', 'reset-before-body', 'reset-after-processing', 'gone'] as const) {
      expect(answers).toContain(trouble)
    }
    expect(ledger.deliveries.some(({ status }) => status === 'exhausted')).toBe(true)
  }, 300_000)

  it('nothing is lost or invented while the brokers of a cluster are away, one after the other and two at once', async () => {
    const { ledger, verdict, report } = await runLedger({
      seed: SEED,
      faults: faultsOfBrokers,
      loadMs: 45_000,
      eventsPerSecond: 20,
      receivers: mixedReceivers(SEED, 8),
      dispatchers: 2,
      brokers: 3,
      quietWithinMs: 90_000,
      keepLogsIn,
    })
    expect(verdict.violations, report).toEqual([])
    expect(new Set(ledger.faults.map(({ instance }) => instance))).toContain('kafka-3')
    const [, , first, second] = ledger.faults
    expect(second!.at).toBeLessThan(first!.backAt)
    expect(verdict.chains.length).toBeGreaterThan(1_000)
  }, 300_000)

  it('a killed dispatcher repeats little, also while a tenth of the receivers is slow', async () => {
    const { ledger, verdict, report } = await runLedger({
      seed: SEED,
      faults: [{ target: 'dispatcher', kind: 'kill', waitMs: 8_000, awayMs: 0 }],
      loadMs: 10_000,
      eventsPerSecond: 8,
      receivers: mostlyQuick(20),
      dispatchers: 1,
      quietWithinMs: 60_000,
      keepLogsIn,
      // The promise is 350 at 500 deliveries/s; here are 144.
      mostRepeatsPerFault: 100,
    })
    expect(verdict.violations, report).toEqual([])
    expect(ledger.faults[0]?.proof).toContain('SIGKILL')
    expect(ledger.requests.some(({ answer }) => answer === 'slow')).toBe(true)
  }, 180_000)
})
