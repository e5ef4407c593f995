import { askAdmin, type AdminOptions } from '../../../local/src/admin-command.js'

export interface BenchAccount {
  id: string
  /** May manage its webhooks. */
  key: string
}

// Each command is a process of its own that takes a second of CPU.
const atOnce = 2

/** Accounts with a key each, made by the product's own command line. */
export async function createAccounts(count: number, admin: AdminOptions): Promise<BenchAccount[]> {
  const accounts: BenchAccount[] = []
  while (accounts.length < count) {
    const some = Math.min(atOnce, count - accounts.length)
    accounts.push(...(await Promise.all(Array.from({ length: some }, () => createAccount(admin)))))
  }
  return accounts
}

/** A key that may post events for any account. */
export async function createProducerKey(admin: AdminOptions): Promise<string> {
  return String((await askAdmin(['keys', 'create', '--producer', '--name', 'bench'], admin)).key)
}

async function createAccount(admin: AdminOptions): Promise<BenchAccount> {
  const account = await askAdmin(['accounts', 'create', '--name', 'Bench', '--email', 'bench@localhost'], admin)
  const id = String(account.id)
  const scopes = 'webhooks:read,webhooks:write,deliveries:read,deliveries:write'
  const key = await askAdmin(['keys', 'create', '--account', id, '--scopes', scopes], admin)
  return { id, key: String(key.key) }
}
