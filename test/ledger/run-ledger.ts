import { copyFile, mkdir, mkdtemp, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { basename, join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { RetrySchedule } from '#domain'
import { decodeWebhookChange } from '#topics'
import { PostgresServer, removeWithUs } from '../../local/src/index.js'
import { KafkaCluster } from '../support/kafka-cluster.js'
import { Pipeline, QUICK_SCHEDULE } from '../support/pipeline.js'
import { readTopics } from '../support/topics.js'
import { type Verdict, checkLedger } from './check/check-ledger.js'
import { type Chain, chainsOf } from './check/chains.js'
import { repeatBounds } from './check/repeats.js'
import { Driver } from './driver.js'
import type { PlannedFault } from './fault-plan.js'
import { LedgerReceiver } from './ledger-receiver.js'
import type { Ledger, LedgerDelivery, LedgerWebhook } from './ledger.js'
import { leftovers } from './leftovers.js'
import { Nemesis } from './nemesis.js'
import { hasWaiting, listedDeliveries, readAttempts } from './read-model.js'
import { type PlannedReceiver, eventWeights } from './receiver-plan.js'
import { reportOf } from './report.js'
import { SeededRandom } from './seeded-random.js'
import { victimsOf } from './victim.js'

export interface LedgerRun {
  seed: number
  faults: PlannedFault[]
  /** The load lasts as long as the faults do, and no less than this. */
  loadMs: number
  eventsPerSecond: number
  receivers: PlannedReceiver[]
  dispatchers: number
  /** One, where nobody says more. Three lose one and go on; two at once may be away. */
  brokers?: number
  /** After the load: how long everything may take to have ended, ms. */
  quietWithinMs: number
  /** Repeats that one fault may cause. */
  mostRepeatsPerFault?: number
  /** Where the processes' logs are put when something was violated: without them nobody finds the cause. */
  keepLogsIn?: string
  /** Told of each fault, and of how far things are. */
  say?: (line: string) => void
  signal?: AbortSignal
}

export interface LedgerResult {
  ledger: Ledger
  verdict: Verdict
  report: string
}

/** Partitions change hands until the last member has joined again: its session and a rebalance. */
const HAND_OVER_MS = 15_000
/** Read in full besides all that are unusual: one in so many. */
const SAMPLE_OF_DETAILS = 50

/** One run on servers of its own, from start to verdict. Everything it starts ends with it, also when it fails. */
export async function runLedger(run: LedgerRun): Promise<LedgerResult> {
  const folder = await mkdtemp(join(tmpdir(), 'webhooks-ledger-'))
  removeWithUs(folder)
  const [kafka, postgres] = await Promise.all([
    KafkaCluster.start(folder, run.brokers ?? 1),
    PostgresServer.start({ dataDir: join(folder, 'postgres') }),
  ])
  let pipeline: Pipeline | undefined
  let receiver: LedgerReceiver | undefined
  let nemesis: Nemesis | undefined
  try {
    pipeline = await Pipeline.start({
      kafkaBrokers: kafka.brokers,
      databaseUrl: postgres.databaseUrl,
      dispatchers: run.dispatchers,
      // The run reads every delivery once it is over, with one key.
      environment: {
        RATE_LIMIT_PER_KEY: '100000/s',
        LOG_LEVEL: 'info',
        KAFKA_REPLICATION_FACTOR: String(kafka.servers.length),
      },
    })
    receiver = await LedgerReceiver.start(run.seed)
    const webhooks = await createWebhooks(pipeline, receiver, run)
    nemesis = new Nemesis(victimsOf(pipeline, kafka, postgres), run.say)
    const result = await judge(run, { pipeline, receiver, nemesis, webhooks })
    if (result.verdict.violations.length > 0 && run.keepLogsIn) {
      const logsOfServers = [...kafka.logFiles, join(folder, 'postgres', 'postgres.log')]
      await keepLogs(pipeline, logsOfServers, run.keepLogsIn, result)
    }
    return result
  } finally {
    nemesis?.stop()
    await pipeline?.stop()
    await receiver?.stop()
    await Promise.all([kafka.stop(), postgres.stop()])
  }
}

interface Stage {
  pipeline: Pipeline
  receiver: LedgerReceiver
  nemesis: Nemesis
  webhooks: LedgerWebhook[]
}

async function judge(run: LedgerRun, stage: Stage): Promise<LedgerResult> {
  const { pipeline, receiver, nemesis, webhooks } = stage
  const driver = new Driver({
    seed: run.seed,
    apiUrl: pipeline.apiUrl,
    producerKey: pipeline.producerKey,
    accountId: pipeline.account.id,
    eventsPerSecond: run.eventsPerSecond,
    weights: eventWeights,
  })
  const progress = setInterval(() => {
    const { length } = driver.events
    run.say?.(`${length} events, ${receiver.requests.length} requests, ${nemesis.faults.length} faults`)
  }, 15_000)
  try {
    driver.start()
    await Promise.all([nemesis.run(run.faults, run.signal), sleepUntilAborted(run.loadMs, run.signal)])
    await driver.stop(60_000)
    const ledger: Ledger = {
      webhooks,
      events: driver.events,
      requests: receiver.requests,
      faults: nemesis.faults,
      deliveries: [],
      incidents: [],
    }
    run.say?.('the load is over; waiting until everything has ended')
    await becomeQuiet(run, ledger, pipeline)
    ledger.incidents.push(...(await leftovers(pipeline)))
    ledger.deliveries = await readDeliveries(run.seed, ledger, pipeline)
    await readStates(ledger, pipeline)
    ledger.incidents.push(...nemesis.incidents, ...driver.incidents)
    const delaysMs = RetrySchedule.parse(QUICK_SCHEDULE).delays
    const most = run.mostRepeatsPerFault
    const bounds = {
      ...repeatBounds,
      handOverMs: run.dispatchers > 1 ? HAND_OVER_MS : 0,
      ...(most !== undefined && { mostPerFault: most, mostAfterBurst: most }),
    }
    const verdict = checkLedger(ledger, { delaysMs, bounds })
    return { ledger, verdict, report: reportOf(ledger, verdict, delaysMs) }
  } finally {
    clearInterval(progress)
  }
}

async function createWebhooks(pipeline: Pipeline, receiver: LedgerReceiver, run: LedgerRun): Promise<LedgerWebhook[]> {
  const webhooks: LedgerWebhook[] = []
  for (const { path, temper, types } of run.receivers) {
    const { id, secret } = await pipeline.owner.createWebhook(receiver.url(path, temper), types)
    const unknown = { state: 'unknown', disabledReason: null, timesDisabled: 0 }
    webhooks.push({ id, path, secret, types, isGone: temper.isGone ?? false, ...unknown })
  }
  return webhooks
}

/** Until every chain has ended and the log says so, too. What has not by then is for the checker to name. */
async function becomeQuiet(run: LedgerRun, ledger: Ledger, { owner }: Pipeline): Promise<void> {
  const until = Date.now() + run.quietWithinMs
  const waits = async () => {
    // What is gone is silent: how its deliveries end, only the log says. What was not fanned out yet, it does not know.
    if (chainsOf(ledger).some(({ webhook, requests }) => !webhook.isGone && requests.length === 0)) return true
    for (const { id } of ledger.webhooks) if (await hasWaiting(owner, id)) return true
    return false
  }
  while (Date.now() < until && (await waits())) await sleep(500)
}

async function readDeliveries(seed: number, ledger: Ledger, { owner }: Pipeline): Promise<LedgerDelivery[]> {
  const random = new SeededRandom(`details ${seed}`)
  const rows: LedgerDelivery[] = []
  for (const { id } of ledger.webhooks) rows.push(...(await listedDeliveries(owner, id)))
  const unusual = new Set(
    chainsOf({ ...ledger, deliveries: rows })
      .filter(isUnusual)
      .map(({ delivery }) => delivery),
  )
  await readAttempts(
    owner,
    rows.filter((row) => unusual.has(row) || random.between(1, SAMPLE_OF_DETAILS) === 1),
  )
  return rows
}

/** Anything but one request that was answered, and one attempt in the log. */
function isUnusual({ requests, delivery }: Chain): boolean {
  return requests.length !== 1 || !requests[0]!.isAnswered || requests[0]!.attempt !== 1 || delivery?.attemptsMade !== 1
}

async function readStates(ledger: Ledger, pipeline: Pipeline): Promise<void> {
  const records = await readTopics(pipeline.kafkaBrokers, [`${pipeline.topicPrefix}webhook-changes`])
  const active = new Map<string, boolean>()
  const timesDisabled = new Map<string, number>()
  for (const change of records.toSorted((a, b) => a.offset - b.offset).map(decodeWebhookChange)) {
    if (change.kind === 'deleted') continue
    const { id, isActive } = change.webhook
    if (active.get(id) === true && !isActive) timesDisabled.set(id, (timesDisabled.get(id) ?? 0) + 1)
    active.set(id, isActive)
  }
  for (const webhook of ledger.webhooks) {
    const shown: { state: string; disabled_reason: string | null } = await pipeline.owner.expect(
      'GET',
      `/v1/webhooks/${webhook.id}`,
    )
    webhook.state = shown.state
    webhook.disabledReason = shown.disabled_reason
    webhook.timesDisabled = timesDisabled.get(webhook.id) ?? 0
  }
}

async function keepLogs(pipeline: Pipeline, others: string[], into: string, { ledger }: LedgerResult): Promise<void> {
  await mkdir(into, { recursive: true })
  const logs = [...pipeline.services.keys()].map((instance) => pipeline.logFile(instance))
  for (const log of [...logs, ...others]) await copyFile(log, join(into, basename(log)))
  await writeFile(join(into, 'ledger.json'), JSON.stringify(ledger))
}

async function sleepUntilAborted(ms: number, signal?: AbortSignal): Promise<void> {
  try {
    await sleep(ms, undefined, signal && { signal })
  } catch (error) {
    if (!signal?.aborted) throw error
  }
}
