import { setTimeout as sleep } from 'node:timers/promises'
import type { Command } from 'commander'
import { readSecretsConfig } from '#config'
import { type Database, OutboxStore, SealStore } from '#postgres'
import { type KeyRing, parseKeyRing } from '#signing'
import { type PrintOptions, print, table } from '../print.js'
import { ProgressLine } from '../rebuild/progress-line.js'
import { count } from '../rebuild/reading-progress.js'
import { withDatabase } from '../with-database.js'
import { type Rewrapped, rewrapSecrets } from './rewrap-secrets.js'

/** An API that runs publishes within a second, or some more after thousands of changes. Ms. */
const PUBLISHED_WITHIN_MS = 30_000
const LOOK_AGAIN_MS = 200

interface Outcome extends Rewrapped {
  remaining: Map<string, number>
  isPublished: boolean
}

export function addSecretsCommands(program: Command): void {
  const secrets = program.command('secrets').description('the keys that webhook secrets are sealed with')

  secrets
    .command('keys')
    .description('how many secrets each key seals; SECRETS_KEY must hold every key listed')
    .option('--json', 'print it as JSON')
    .action(async (options: PrintOptions) => {
      const { ring, databaseUrl } = keysAndDatabase()
      const counts = await withDatabase((database) => new SealStore(database).countByKey(), databaseUrl)
      const rows = [...counts].map(([id, secrets]) => [id, count(secrets), placeOf(id, ring)])
      const answer = [...counts].map(([id, secrets]) => ({ id, secrets, place: placeOf(id, ring) }))
      print({ data: answer }, table(['KEY', 'SECRETS', 'IN SECRETS_KEY'], rows, 'There are no secrets.'), options)
    })

  secrets
    .command('rewrap')
    .description('seal every secret anew with the first key of SECRETS_KEY; safe to interrupt and to repeat')
    .option('--json', 'print the outcome as JSON')
    .action(async (options: PrintOptions) => {
      const { ring, databaseUrl } = keysAndDatabase()
      const outcome = await withDatabase((database) => rewrap(database, ring), databaseUrl)
      print(jsonOf(outcome, ring), linesOf(outcome, ring), options)
      if (outcome.remaining.size > 0) process.exitCode = 1
    })
}

function keysAndDatabase(): { ring: KeyRing; databaseUrl: string } {
  const { secretsKey, databaseUrl } = readSecretsConfig()
  return { ring: parseKeyRing(secretsKey), databaseUrl }
}

async function rewrap(database: Database, ring: KeyRing): Promise<Outcome> {
  const seals = new SealStore(database)
  const toDo = sumOf(await remainingOf(seals, ring))
  const line = new ProgressLine(process.stderr)
  const show = (done: number) => line.show(`rewrapping: ${count(done)} of ${count(toDo)} secrets`)
  const rewrapped = await rewrapSecrets(seals, ring, show).finally(() => line.end())
  const isPublished = rewrapped.outboxId === null || (await published(database, rewrapped.outboxId))
  // Looked at last: what an API that still knows only an old key has sealed meanwhile is found.
  return { ...rewrapped, isPublished, remaining: await remainingOf(seals, ring) }
}

async function published(database: Database, outboxId: number): Promise<boolean> {
  const outbox = new OutboxStore(database)
  for (const deadline = Date.now() + PUBLISHED_WITHIN_MS; Date.now() < deadline; await sleep(LOOK_AGAIN_MS)) {
    if (await outbox.isPublished(outboxId)) return true
  }
  return false
}

async function remainingOf(seals: SealStore, ring: KeyRing): Promise<Map<string, number>> {
  return new Map([...(await seals.countByKey())].filter(([id]) => id !== ring.newest.id))
}

function placeOf(keyId: string, ring: KeyRing): 'newest' | 'old' | 'missing' {
  if (keyId === ring.newest.id) return 'newest'
  return ring.byId.has(keyId) ? 'old' : 'missing'
}

function jsonOf({ secrets, remaining, unreadable, isPublished }: Outcome, ring: KeyRing) {
  return {
    key: ring.newest.id,
    rewrapped: secrets,
    remaining: Object.fromEntries(remaining),
    unreadable,
    published: isPublished,
  }
}

function linesOf({ secrets, remaining, unreadable, isPublished }: Outcome, ring: KeyRing): string[] {
  const lines = [`${count(secrets)} secrets were sealed anew with ${ring.newest.id}.`]
  if (!isPublished) lines.push('The workers do not know all of them yet: an API that runs tells them.')
  for (const [id, left] of remaining) {
    const advice = ring.byId.has(id) ? 'run this again' : 'SECRETS_KEY does not hold that key'
    lines.push(`${count(left)} are still sealed with ${id || 'no key at all'}: ${advice}.`)
  }
  if (unreadable.length > 0) lines.push(`Not to be opened, and left as they are: those of ${unreadable.join(', ')}.`)
  if (remaining.size === 0) lines.push(`No secret needs another key: ${endOf(ring)}`)
  return lines
}

function endOf(ring: KeyRing): string {
  const old = [...ring.byId.keys()].filter((id) => id !== ring.newest.id)
  return old.length === 0 ? 'all is as it should be.' : `${old.join(', ')} can be taken out of SECRETS_KEY.`
}

function sumOf(counts: Map<string, number>): number {
  return [...counts.values()].reduce((sum, each) => sum + each, 0)
}
