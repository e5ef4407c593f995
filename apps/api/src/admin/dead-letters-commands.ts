import { type Command, InvalidArgumentError } from 'commander'
import { type ListedLetter, listDeadLetters } from './list-dead-letters.js'
import { type PrintOptions, print, table, time } from './print.js'
import { type ReplayOutcome, replayDeadLetters } from './replay-dead-letters.js'
import { answeringKafka } from './with-kafka.js'

interface Filter {
  webhook?: string
}

export function addDeadLettersCommands(program: Command): void {
  const deadLetters = program
    .command('dead-letters')
    .description('deliveries that were given up, and unreadable records')

  deadLetters
    .command('list')
    .description('list dead letters, newest first')
    .option('--webhook <id>', 'only those of this webhook')
    .option('--limit <count>', 'at most so many', count, 50)
    .option('--json', 'print them as JSON')
    .action(async ({ webhook, limit, ...options }: { limit: number } & Filter & PrintOptions) => {
      const letters = await listDeadLetters(await answeringKafka(), webhook, limit)
      const headings = ['AT', 'REASON', 'WEBHOOK', 'DELIVERY', 'EVENT', 'CHAIN', 'ATTEMPTS', 'LATER CHAIN', 'PROBLEM']
      print({ data: letters.map(jsonRow) }, table(headings, letters.map(cells), 'There are no dead letters.'), options)
    })

  deadLetters
    .command('replay')
    .description(
      'deliver dead letters again, each in a new chain; not those replayed before, of a disabled webhook, or older than what is kept',
    )
    .option('--webhook <id>', 'only those of this webhook')
    .option('--json', 'print the outcome as JSON')
    .action(async ({ webhook, ...options }: Filter & PrintOptions) => {
      const { replayed, leftOut } = await replayDeadLetters(await answeringKafka(), webhook)
      const left_out = Object.values(leftOut).reduce((sum, each) => sum + each, 0)
      print({ replayed, left_out, left_out_by_reason: leftOut }, linesOf({ replayed, leftOut }), options)
    })
}

function linesOf({ replayed, leftOut }: ReplayOutcome): string[] {
  const reasons = Object.entries(REASONS) as [keyof typeof REASONS, string][]
  return [
    `${replayed} ${replayed === 1 ? 'delivery' : 'deliveries'} replayed`,
    ...reasons.flatMap(([reason, words]) => (leftOut[reason] > 0 ? [`${leftOut[reason]} left out: ${words}`] : [])),
  ]
}

const REASONS: Record<keyof ReplayOutcome['leftOut'], string> = {
  replayed_before: 'replayed before, or redelivered since',
  no_longer_kept: 'accepted longer ago than deliveries are kept: whether they were replayed before is not known',
  webhook_disabled: 'webhook disabled; they can be replayed when it is enabled',
  webhook_deleted: 'webhook deleted',
}

function count(text: string): number {
  const value = Number(text)
  if (!Number.isInteger(value) || value < 1 || value > 10_000) throw new InvalidArgumentError('From 1 to 10000.')
  return value
}

function cells({ at, reason, delivery, problem, origin, laterChain }: ListedLetter): string[] {
  const known = delivery
    ? [delivery.webhookId, delivery.id, delivery.eventId, String(delivery.chain), String(delivery.attempt)]
    : ['-', '-', '-', '-', '-']
  const later = laterChain === undefined ? '?' : String(laterChain ?? '-')
  return [time(at), reason, ...known, later, [problem, origin].filter((text) => text !== undefined).join(' at ')]
}

function jsonRow({ at, reason, delivery, problem, origin, laterChain }: ListedLetter) {
  return {
    at,
    reason,
    webhook_id: delivery?.webhookId ?? null,
    delivery_id: delivery?.id ?? null,
    event_id: delivery?.eventId ?? null,
    account_id: delivery?.accountId ?? null,
    chain: delivery?.chain ?? null,
    attempts: delivery?.attempt ?? null,
    // Left out where it is not known.
    later_chain: laterChain,
    problem: problem ?? null,
    origin: origin ?? null,
  }
}
