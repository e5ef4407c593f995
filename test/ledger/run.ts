import { randomInt } from 'node:crypto'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { projectRoot } from '../../local/src/index.js'
import { type PlannedFault, planFaults } from './fault-plan.js'
import { mixedReceivers, mostlyQuick } from './receiver-plan.js'
import { type LedgerRun, runLedger } from './run-ledger.js'

const usage = `node test/ledger/run.mjs [options]
  --seed N          what happens to whom and when; a random one by default, told at the start
  --minutes N       of load and faults (10)
  --rate N          events per second (20)
  --webhooks N      (14)
  --dispatchers N   (2)
  --brokers N       of one cluster, each with a replica of everything (1)
  --every N         seconds between faults, on average (5)
  --one-kill        instead: 500 deliveries/s, a tenth of the receivers slow, and one kill -9 of the only dispatcher
`

/** The long run from the command line. @returns the exit code: 1 on a violation, 2 on a wrong argument */
export async function run(args: string[]): Promise<number> {
  const options = optionsFrom(args)
  if (!options) {
    process.stderr.write(usage)
    return 2
  }
  const begun = Date.now()
  const say = (line: string) => process.stdout.write(`${elapsed(begun)}  ${line}\n`)
  const interrupted = new AbortController()
  process.once('SIGINT', () => interrupted.abort())
  const { seed } = options
  const plan = options.isOneKill ? oneKill(seed) : manyFaults(options)
  const keepLogsIn = join(projectRoot(), '.local', `ledger-${seed}`)
  const { faults, dispatchers, brokers = 1, eventsPerSecond, receivers } = plan
  say(
    `seed ${seed}: ${plan.loadMs / 60_000} min, ${faults.length} faults, ${dispatchers} dispatchers, ` +
      `${counted(brokers, 'broker')}, ${receivers.length} webhooks, ${eventsPerSecond} events/s`,
  )
  const { verdict, report } = await runLedger({ ...plan, say, signal: interrupted.signal, keepLogsIn })
  process.stdout.write(`\nseed        ${seed}\n${report}\n`)
  if (verdict.violations.length === 0) return 0
  process.stdout.write(`logs        ${keepLogsIn}\n`)
  return 1
}

function manyFaults({ seed, minutes, eventsPerSecond, webhooks, dispatchers, brokers, everyMs }: Options): LedgerRun {
  const loadMs = minutes * 60_000
  const faults = planFaults({ seed, count: Math.floor(loadMs / everyMs), everyMs, longestAwayMs: 5_000, brokers })
  const receivers = mixedReceivers(seed, webhooks)
  return { seed, faults, loadMs, eventsPerSecond, receivers, dispatchers, brokers, quietWithinMs: 300_000 }
}

/** 18 quick receivers get every event, two slow ones a tenth of them: 28 × 18 = 504 deliveries/s. */
function oneKill(seed: number): LedgerRun {
  const faults: PlannedFault[] = [{ target: 'dispatcher', kind: 'kill', waitMs: 20_000, awayMs: 0 }]
  const receivers = mostlyQuick(20)
  return { seed, faults, loadMs: 30_000, eventsPerSecond: 28, receivers, dispatchers: 1, quietWithinMs: 120_000 }
}

type Options = NonNullable<ReturnType<typeof optionsFrom>>

function optionsFrom(args: string[]) {
  const option = (fallback: number) => ({ type: 'string' as const, default: String(fallback) })
  try {
    const { values } = parseArgs({
      args,
      options: {
        seed: option(randomInt(1, 1_000_000)),
        minutes: option(10),
        rate: option(20),
        webhooks: option(14),
        dispatchers: option(2),
        brokers: option(1),
        every: option(5),
        'one-kill': { type: 'boolean', default: false },
      },
    })
    const numbers = {
      seed: Number(values.seed),
      minutes: Number(values.minutes),
      eventsPerSecond: Number(values.rate),
      webhooks: Number(values.webhooks),
      dispatchers: Number(values.dispatchers),
      brokers: Number(values.brokers),
      everyMs: Number(values.every) * 1_000,
    }
    const areWhole = [numbers.dispatchers, numbers.brokers, numbers.webhooks].every(Number.isInteger)
    if (!areWhole || !Object.values(numbers).every((value) => value > 0)) return undefined
    return { ...numbers, isOneKill: values['one-kill'] }
  } catch {
    return undefined
  }
}

function counted(count: number, what: string): string {
  return `${count} ${what}${count === 1 ? '' : 's'}`
}

function elapsed(begun: number): string {
  const seconds = Math.floor((Date.now() - begun) / 1_000)
  return `${String(Math.floor(seconds / 60)).padStart(2, '0')}:${String(seconds % 60).padStart(2, '0')}`
}
