import { askAdmin, type AdminOptions } from './admin-command.js'
import type { ApiClient } from './api-client.js'
import type { LocalState } from './state-file.js'

export type LocalAccount = NonNullable<LocalState['account']>

const scopes = 'webhooks:read,webhooks:write,deliveries:read,deliveries:write'

/** An account with a key for its owner, and a key for producers; the tables must be there. */
export async function createLocalAccount(options: AdminOptions): Promise<LocalAccount> {
  const account = await askAdmin(['accounts', 'create', '--name', 'Local', '--email', 'local@localhost'], options)
  const id = text(account, 'id')
  const [owner, producer] = await Promise.all([
    askAdmin(['keys', 'create', '--account', id, '--scopes', scopes], options),
    askAdmin(['keys', 'create', '--producer', '--name', 'local'], options),
  ])
  return { id, api_key: text(owner, 'key'), producer_key: text(producer, 'key') }
}

/** Whether both keys are known: not those of another database, and not the newest ones before the API has seen them. */
export async function acceptsKeys(api: ApiClient, account: LocalAccount): Promise<boolean> {
  const keys = [account.api_key, account.producer_key]
  const answers = await Promise.all(keys.map((key) => api.request('GET', '/v1/me', key)))
  return answers.every(({ status }) => status === 200)
}

function text(answer: Record<string, unknown>, field: string): string {
  const value = answer[field]
  if (typeof value !== 'string') throw new Error(`the admin command's answer has no ${field}`)
  return value
}
