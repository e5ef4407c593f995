import { In, IsNull } from 'typeorm'
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

export class ApiKeyStore {
  constructor(private readonly database: Database) {}

  /** @throws {UnknownAccount} */
  async create(key: NewApiKey): Promise<ApiKeyRow> {
    const row = { ...key, createdAt: new Date(), lastUsedAt: null, revokedAt: null }
    try {
      await this.database.orm((manager) => manager.insert(ApiKey, row))
    } catch (error) {
      if (sqlState(error) === FOREIGN_KEY_VIOLATION) throw new UnknownAccount(key.accountId ?? '')
      throw error
    }
    return withoutHash(row)
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

  /** Whether there was such a key and it was not revoked before. */
  async revoke(id: string, at = new Date()): Promise<boolean> {
    const result = await this.database.orm((manager) =>
      manager.update(ApiKey, { id, revokedAt: IsNull() }, { revokedAt: at }),
    )
    return result.affected === 1
  }

  /** All at once: the API holds them in memory and asks again every two seconds, so this stays one plain query. */
  activeKeys(): Promise<ActiveKey[]> {
    return this.database.query<ActiveKey>({
      name: 'active-keys',
      text: 'select id, account_id as "accountId", scopes, hash from api_keys where revoked_at is null',
    })
  }

  /** Notes when keys were last used; never backwards, whichever replica comes last. */
  async touch(ids: string[], at: Date): Promise<void> {
    if (ids.length === 0) return
    await this.database.orm((manager) =>
      manager
        .createQueryBuilder()
        .update(ApiKey)
        .set({ lastUsedAt: at })
        .where({ id: In(ids) })
        .andWhere('(last_used_at is null or last_used_at < :at)', { at })
        .execute(),
    )
  }
}

function withoutHash({ hash: _, ...row }: ApiKeyRow & { hash: string }): ApiKeyRow {
  return row
}
