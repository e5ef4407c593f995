import { setTimeout as sleep } from 'node:timers/promises'
import { type Command, InvalidArgumentError } from 'commander'
import { type Patience, parseDuration, patienceFor } from '#domain'
import { type LogSpan, TopicAdmin, partitionName } from '#kafka'
import { type PrintOptions, print, table } from '../print.js'
import { withDatabase } from '../with-database.js'
import { type KafkaAccess, answeringKafka } from '../with-kafka.js'
import { count } from '../rebuild/reading-progress.js'
import { type AuditOutcome, audit } from './audit.js'
import { auditRange, momentOf } from './audit-range.js'
import { FINDINGS, type FindingKind } from './findings.js'

interface AuditOptions extends PrintOptions {
  since: number
  until?: number
  overdueAfter?: number
  limit: number
}

/** How long the projector may take to come as far as the log was when the audit began. Ms. */
const CATCH_UP_MS = 60_000
const LOOK_AGAIN_MS = 200

export function addAuditCommand(program: Command): void {
  program
    .command('audit')
    .description(
      'hold the log against itself and the read models, and list what is missing; ends with 1 if anything is',
    )
    .requiredOption('--since <time or age>', 'accepted at this time or later: 2024-01-15T12:00:00Z, or 24h ago', moment)
    .option('--until <time or age>', 'accepted before this time; now otherwise', moment)
    .option('--overdue-after <duration>', 'how late an attempt may be before its delivery counts as missing', duration)
    .option('--limit <count>', 'list at most so many of what is missing', whole, 20)
    .option('--json', 'print it as JSON')
    .action(async (options: AuditOptions) => {
      const access = await answeringKafka()
      const { eventRetentionMs, deliveryRetentionMs, deliveryMaxAgeMs } = access.config.topics
      const request = {
        ...auditRange(options, Math.min(eventRetentionMs, deliveryRetentionMs), Date.now()),
        patience: patienceOf(options, deliveryMaxAgeMs),
      }
      const outcome = await withDatabase(
        (database) => audit(database, access, request, (ends) => readModelsAreAt(access, ends)),
        access.config.databaseUrl,
      )
      print(jsonOf(outcome, options.limit), linesOf(outcome, options.limit), options)
      if (outcome.missing.length > 0) process.exitCode = 1
    })
}

function patienceOf({ overdueAfter }: AuditOptions, deliveryMaxAgeMs: number): Patience {
  if (overdueAfter === undefined) return patienceFor(deliveryMaxAgeMs)
  return { usualMs: overdueAfter, replayMs: overdueAfter }
}

/** @throws Error when the projector is too far behind: what it has not written yet would seem to be lost */
async function readModelsAreAt({ connection, config, topics }: KafkaAccess, ends: LogSpan[]): Promise<void> {
  const admin = new TopicAdmin(connection)
  const deadline = Date.now() + CATCH_UP_MS
  try {
    for (;;) {
      const committed = await admin.committed(`${config.topics.prefix}projector`, [
        topics.contextEvents,
        topics.deliveryLog,
      ])
      const marks = new Map(committed.map((at) => [partitionName(at), at.offset ?? 0]))
      const markOf = (span: LogSpan) => marks.get(partitionName(span)) ?? 0
      const behind = ends.filter((span) => span.end > span.from && markOf(span) < span.end)
      if (behind.length === 0) return
      if (Date.now() > deadline) {
        const where = behind.map((span) => `  ${partitionName(span)}: ${count(span.end - markOf(span))} records`)
        const told = [
          'The read models are behind the log, so nothing can be said about them. Try again later.',
          ...where,
        ]
        throw new Error(told.join('\n'))
      }
      await sleep(LOOK_AGAIN_MS)
    }
  } finally {
    await admin.close()
  }
}

function linesOf({ time, read, missing, repeatedEnds }: AuditOutcome, limit: number): string[] {
  const rows = Object.entries(FINDINGS).map(([kind, sentence]) => [
    count(missing.filter((finding) => finding.kind === kind).length).padStart('MISSING'.length),
    sentence,
  ])
  const examples = missing.slice(0, limit).map(({ kind, id, detail = '' }) => [kind, id, detail])
  return [
    `accepted from ${iso(time.since)} until ${iso(time.until)}`,
    `read ${count(read.events)} events, ${count(read.facts)} facts and ${count(read.rows)} rows, as of ${iso(time.asOf)}`,
    '',
    ...table(['MISSING', 'WHAT'], rows, ''),
    '',
    ...(repeatedEnds > 0
      ? [`${count(repeatedEnds)} chains were told to end more than once: repeats after a crash.`]
      : []),
    ...(missing.length > 0 ? table(['KIND', 'ID', 'DETAIL'], examples, '') : ['Nothing is missing.']),
    ...(missing.length > limit ? [`… and ${count(missing.length - limit)} more; --limit shows more of them.`] : []),
  ]
}

function jsonOf({ time, read, missing, repeatedEnds }: AuditOutcome, limit: number) {
  const counts = Object.fromEntries(
    (Object.keys(FINDINGS) as FindingKind[]).map((kind) => [kind, missing.filter((each) => each.kind === kind).length]),
  )
  const { since, until, asOf } = time
  return {
    since: iso(since),
    until: iso(until),
    as_of: iso(asOf),
    read,
    counts,
    missing: missing.slice(0, limit),
    repeated_ends: repeatedEnds,
  }
}

function iso(ms: number): string {
  return new Date(ms).toISOString()
}

/** A time, or an age as a duration. Answers ms since the epoch. */
function moment(text: string): number {
  const time = momentOf(text, Date.now())
  if (time === undefined)
    throw new InvalidArgumentError('It must be a time such as 2024-01-15T12:00:00Z or an age such as 24h.')
  return time
}

function duration(text: string): number {
  try {
    return parseDuration(text)
  } catch {
    throw new InvalidArgumentError('It must be a duration such as 15m or 3h36m.')
  }
}

function whole(text: string): number {
  if (!/^\d{1,6}$/.test(text)) throw new InvalidArgumentError('It must be a whole number.')
  return Number(text)
}
