import { IsNull } from 'typeorm'
import type { Database } from '../database.js'
import { sqlState } from '../database-unavailable.js'
import { ApiKey } from '../entities/api-key.js'
import { FOREIGN_KEY_VIOLATION, UnknownAccount } from './refusals.js'

export interface NewApiKey {
  id: string
  /** Null for a producer's key. */
  accountId: string | null
  name: string
  scopes: string[]
  /** SHA-256 of the whole key, lower-case hex. The key itself never comes here. */
  hash: string
}

/** What a list shows: everything but the hash. */
export interface ApiKeyRow extends Omit<NewApiKey, 'hash'> {
  createdAt: Date
  lastUsedAt: Date | null
  revokedAt: Date | null
}

export type ActiveKey = Omit<NewApiKey, 'name'>

/** How far somebody has read among the changes; the time is that of Postgres. */
export interface ChangePosition {
  at: Date
  id: string
}

export interface KeyChanges {
  active: ActiveKey[]
  revoked: ActiveKey[]
  /** Where to look next. */
  next: ChangePosition
  /** False where there are more by now. */
  isLast: boolean
}

/** Rows of one answer. Its reading holds up the whole process, with 250 for some 2 ms, and with 1,000 for 10 and more. */
const PAGE_SIZE = 250
/** Ids or hashes of one statement, which then locks and looks up for some ten milliseconds and not for a second. */
const NAMED_AT_ONCE = 1_000

export class ApiKeyStore {
  constructor(private readonly database: Database) {}

  /** Made by the clock of Postgres, like all that `changes` looks for. @throws {UnknownAccount} */
  async create(key: NewApiKey): Promise<ApiKeyRow> {
    const { id, accountId, name, scopes, hash } = key
    try {
      const values = [id, accountId, name, scopes, hash]
      const [created] = await this.database.query<{ createdAt: Date }>(CREATE, values)
      return { id, accountId, name, scopes, createdAt: created!.createdAt, lastUsedAt: null, revokedAt: null }
    } catch (error) {
      if (sqlState(error) === FOREIGN_KEY_VIOLATION) throw new UnknownAccount(accountId ?? '')
      throw error
    }
  }

  /** All keys, or those of one account, revoked ones included; oldest first. */
  async list(accountId?: string): Promise<ApiKeyRow[]> {
    const rows = await this.database.orm((manager) =>
      manager.find(ApiKey, {
        ...(accountId !== undefined && { where: { accountId } }),
        order: { createdAt: 'ASC', id: 'ASC' },
      }),
    )
    return rows.map(withoutHash)
  }

  /** Whether there was such a key and it was not revoked before. By the clock of Postgres, too. */
  async revoke(id: string): Promise<boolean> {
    const result = await this.database.orm((manager) =>
      manager.update(ApiKey, { id, revokedAt: IsNull() }, { revokedAt: () => 'now()' }),
    )
    return result.affected === 1
  }

  /** The next page in the order of ids; an empty one is the end. All pages together are not of one moment. */
  activeKeys(after = ''): Promise<ActiveKey[]> {
    return this.database.query<ActiveKey>(ACTIVE, [after, PAGE_SIZE])
  }

  /** The active ones among the keys with these hashes. */
  async activeKeysWith(hashes: string[]): Promise<ActiveKey[]> {
    const found: ActiveKey[] = []
    for (const some of slices(hashes)) found.push(...(await this.database.query<ActiveKey>(WITH_HASHES, [some])))
    return found
  }

  /**
   * The next page of keys that were made or revoked, oldest change first. What changed in the last half minute is told
   * again at each look; without a position it begins there. Not told: rows that were deleted or changed by hand.
   */
  async changes(from?: ChangePosition): Promise<KeyChanges> {
    // Asked first: what is committed in between is told twice and not never.
    const [settled] = await this.database.query<{ at: Date }>(SETTLED)
    const start: ChangePosition = { at: settled!.at, id: '' }
    const { at, id } = from ?? start
    const rows = await this.database.query<ChangedRow>(CHANGES, [at, id, PAGE_SIZE])
    const last = rows.length === PAGE_SIZE ? rows.at(-1) : undefined
    return {
      active: rows.filter((row) => !row.isRevoked).map(activeKey),
      revoked: rows.filter((row) => row.isRevoked).map(activeKey),
      next: last ? { at: last.changedAt, id: last.id } : start,
      isLast: !last,
    }
  }

  /** Notes when keys were last used; never backwards, whichever replica comes last. */
  async touch(ids: string[], at: Date): Promise<void> {
    for (const some of slices(ids)) await this.database.query(TOUCH, [some, at])
  }
}

interface ChangedRow extends ActiveKey {
  changedAt: Date
  isRevoked: boolean
}

const CREATE = `
  insert into api_keys (id, account_id, name, scopes, hash, created_at) values ($1, $2, $3, $4, $5, now())
  returning created_at as "createdAt"`

const KEY = 'id, account_id as "accountId", scopes, hash'

const ACTIVE = {
  name: 'active-keys',
  text: `select ${KEY} from api_keys where id > $1 and revoked_at is null order by id limit $2`,
}

const WITH_HASHES = {
  name: 'active-keys-with-hashes',
  text: `select ${KEY} from api_keys where hash = any($1::text[]) and revoked_at is null`,
}

/**
 * A change carries the time at which its statement began, and is seen when it was committed: at most the time-out of a
 * statement later, 10 s. The clock of a standby that takes over may be some seconds behind besides. Shorter, and such a
 * change is missed until all keys are read again.
 */
const SETTLED = `select now() - interval '30 s' as at`

/** When a key last changed, word for word as its index has it. */
const CHANGED_AT = 'greatest(created_at, revoked_at)'

export const CHANGES = {
  name: 'changed-keys',
  text: `
    select ${KEY}, ${CHANGED_AT} as "changedAt", revoked_at is not null as "isRevoked" from api_keys
    where (${CHANGED_AT}, id) > ($1::timestamptz, $2::text)
    order by ${CHANGED_AT}, id limit $3`,
}

/** An array is one parameter, of which a statement can have 65,535. */
const TOUCH = `
  update api_keys set last_used_at = $2::timestamptz
  where id = any($1::text[]) and (last_used_at is null or last_used_at < $2::timestamptz)`

function* slices(all: string[]): Generator<string[]> {
  for (let from = 0; from < all.length; from += NAMED_AT_ONCE) yield all.slice(from, from + NAMED_AT_ONCE)
}

function activeKey({ id, accountId, scopes, hash }: ChangedRow): ActiveKey {
  return { id, accountId, scopes, hash }
}

function withoutHash({ hash: _, ...row }: ApiKeyRow & { hash: string }): ApiKeyRow {
  return row
}
