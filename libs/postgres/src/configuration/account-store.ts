import type { Database } from '../database.js'
import { Account } from '../entities/account.js'

export interface NewAccount {
  id: string
  name: string
  email: string
}

export interface AccountRow extends NewAccount {
  createdAt: Date
}

export class AccountStore {
  constructor(private readonly database: Database) {}

  async create(account: NewAccount): Promise<AccountRow> {
    const row = { ...account, createdAt: new Date() }
    await this.database.orm((manager) => manager.insert(Account, row))
    return row
  }

  find(id: string): Promise<AccountRow | null> {
    return this.database.orm((manager) => manager.findOneBy(Account, { id }))
  }

  /** Oldest first. */
  list(): Promise<AccountRow[]> {
    return this.database.orm((manager) => manager.find(Account, { order: { createdAt: 'ASC', id: 'ASC' } }))
  }
}
