import { type Command, InvalidArgumentError } from 'commander'
import type { ConsumedRecord } from '#kafka'
import { type DeadLetter, deadLetterFrom } from './dead-letter.js'
import { type PrintOptions, print, table, time } from './print.js'
import { readDeadLetters } from './read-dead-letters.js'
import { replayDeadLetters } from './replay-dead-letters.js'
import { type KafkaAccess, kafkaAccess } from './with-kafka.js'

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
    .action(async ({ limit, ...options }: { limit: number } & Filter & PrintOptions) => {
      const letters = await newestLetters(kafkaAccess(), options, limit)
      const headings = ['AT', 'REASON', 'WEBHOOK', 'DELIVERY', 'EVENT', 'CHAIN', 'ATTEMPTS', 'PROBLEM']
      print({ data: letters.map(jsonRow) }, table(headings, letters.map(cells), 'There are no dead letters.'), options)
    })

  deadLetters
    .command('replay')
    .description('deliver dead letters again, each in a new chain of attempts; those replayed before are left out')
    .option('--webhook <id>', 'only those of this webhook')
    .option('--json', 'print the outcome as JSON')
    .action(async (options: Filter & PrintOptions) => {
      const { replayed, leftOut } = await replayDeadLetters(kafkaAccess(), ofWebhook(options))
      const lines = `${replayed} deliveries replayed, ${leftOut} left out (replayed before, or redelivered since)`
      print({ replayed, left_out: leftOut }, lines, options)
    })
}

function ofWebhook({ webhook }: Filter): (record: ConsumedRecord) => boolean {
  return (record) => webhook === undefined || record.key === webhook
}

/** The topic may hold a month of them: what will not be shown does not stay in memory. */
async function newestLetters(access: KafkaAccess, filter: Filter, limit: number): Promise<DeadLetter[]> {
  let newest: DeadLetter[] = []
  await readDeadLetters(access, (records) => {
    const letters = records.filter(ofWebhook(filter)).map(deadLetterFrom)
    newest = [...newest, ...letters].sort((a, b) => b.at.getTime() - a.at.getTime()).slice(0, limit)
  })
  return newest
}

function count(text: string): number {
  const value = Number(text)
  if (!Number.isInteger(value) || value < 1 || value > 10_000) throw new InvalidArgumentError('From 1 to 10000.')
  return value
}

function cells({ at, reason, delivery, problem, origin }: DeadLetter): string[] {
  const known = delivery
    ? [delivery.webhookId, delivery.id, delivery.eventId, String(delivery.chain), String(delivery.attempt)]
    : ['-', '-', '-', '-', '-']
  return [time(at), reason, ...known, [problem, origin].filter((text) => text !== undefined).join(' at ')]
}

function jsonRow({ at, reason, delivery, problem, origin }: DeadLetter) {
  return {
    at,
    reason,
    webhook_id: delivery?.webhookId ?? null,
    delivery_id: delivery?.id ?? null,
    event_id: delivery?.eventId ?? null,
    account_id: delivery?.accountId ?? null,
    chain: delivery?.chain ?? null,
    attempts: delivery?.attempt ?? null,
    problem: problem ?? null,
    origin: origin ?? null,
  }
}
