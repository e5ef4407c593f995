import type { Command } from 'commander'
import { newId } from '#domain'
import { type ApiKeyRow, ApiKeyStore } from '#postgres'
import { createKey, hashOfKey } from '../accounts/key-format.js'
import { ACCOUNT_SCOPES, PRODUCER_SCOPE, isAccountScope } from '../accounts/scopes.js'
import { type PrintOptions, fields, print, table, time } from './print.js'
import { withDatabase } from './with-database.js'

interface CreateOptions extends PrintOptions {
  account?: string
  producer?: boolean
  scopes?: string
  name: string
}

export function addKeysCommands(program: Command): void {
  const keys = program.command('keys').description('API keys of accounts and producers')

  keys
    .command('create')
    .description('create a key; it is shown once and never again')
    .option('--account <id>', 'the account that it belongs to')
    .option('--scopes <list>', `for an account, separated by commas: ${ACCOUNT_SCOPES.join(',')}`)
    .option('--producer', 'a key that may post events for any account, and nothing else')
    .option('--name <name>', 'what it is for', '')
    .option('--json', 'print it as JSON')
    .action(async (options: CreateOptions, command: Command) => {
      const { accountId, scopes } = ownerAndScopes(options, command)
      const key = createKey()
      const id = newId('key')
      const row = { id, accountId, name: options.name, scopes, hash: hashOfKey(key) }
      await withDatabase((database) => new ApiKeyStore(database).create(row))
      const lines = fields([
        ['key', key],
        ['key id', id],
        ['scopes', scopes.join(',')],
      ])
      print({ id, key, account_id: accountId, scopes }, [...lines, '', 'Keep the key: it is not stored.'], options)
    })

  keys
    .command('list')
    .description('list keys, without the keys themselves; oldest first')
    .option('--account <id>', 'only those of this account')
    .option('--json', 'print them as JSON')
    .action(async ({ account, ...options }: { account?: string } & PrintOptions) => {
      const rows = await withDatabase((database) => new ApiKeyStore(database).list(account))
      const headings = ['KEY ID', 'OWNER', 'NAME', 'SCOPES', 'CREATED', 'LAST USED', 'REVOKED']
      print({ data: rows.map(jsonRow) }, table(headings, rows.map(cells), 'There are no keys.'), options)
    })

  keys
    .command('revoke')
    .description('revoke a key; the API refuses it within two seconds')
    .argument('<key-id>')
    .option('--json', 'print the outcome as JSON')
    .action(async (id: string, options: PrintOptions, command: Command) => {
      const isRevoked = await withDatabase((database) => new ApiKeyStore(database).revoke(id))
      if (!isRevoked) command.error(`There is no key ${id} that is not revoked already.`)
      print({ id, revoked: true }, `revoked ${id}`, options)
    })
}

/** An account's key needs an account and scopes, a producer's has neither; anything else is a slip. */
function ownerAndScopes(options: CreateOptions, command: Command): { accountId: string | null; scopes: string[] } {
  const { account, producer, scopes } = options
  if (producer) {
    if (account || scopes) command.error('--producer goes with neither --account nor --scopes.')
    return { accountId: null, scopes: [PRODUCER_SCOPE] }
  }
  if (!account || !scopes) return command.error('Give --account and --scopes, or --producer.')
  const list = [...new Set(scopes.split(',').map((scope) => scope.trim()))]
  const unknown = list.filter((scope) => !isAccountScope(scope))
  if (unknown.length > 0) {
    command.error(`Not a scope of an account: ${unknown.join(', ')}. There are ${ACCOUNT_SCOPES.join(', ')}.`)
  }
  return { accountId: account, scopes: list }
}

function cells(row: ApiKeyRow): string[] {
  const { id, accountId, name, scopes, createdAt, lastUsedAt, revokedAt } = row
  return [id, accountId ?? 'producer', name, scopes.join(','), time(createdAt), time(lastUsedAt), time(revokedAt)]
}

function jsonRow({ id, accountId, name, scopes, createdAt, lastUsedAt, revokedAt }: ApiKeyRow) {
  return {
    id,
    account_id: accountId,
    name,
    scopes,
    created_at: createdAt,
    last_used_at: lastUsedAt,
    revoked_at: revokedAt,
  }
}
