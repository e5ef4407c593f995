import { type Command, InvalidArgumentError } from 'commander'
import { newId } from '#domain'
import { AccountStore } from '#postgres'
import { type PrintOptions, fields, print, table, time } from './print.js'
import { withDatabase } from './with-database.js'

export function addAccountsCommands(program: Command): void {
  const accounts = program.command('accounts').description('whose contexts and webhooks')

  accounts
    .command('create')
    .description('create an account')
    .requiredOption('--name <name>', 'its name', nonEmpty)
    .requiredOption('--email <address>', "its owner's address, for notices about failing webhooks", emailAddress)
    .option('--json', 'print it as JSON')
    .action(async ({ name, email, ...options }: { name: string; email: string } & PrintOptions) => {
      const account = await withDatabase((database) =>
        new AccountStore(database).create({ id: newId('acc'), name, email }),
      )
      print({ id: account.id, name, email }, fields([['account', account.id]]), options)
    })

  accounts
    .command('list')
    .description('list all accounts, oldest first')
    .option('--json', 'print them as JSON')
    .action(async (options: PrintOptions) => {
      const rows = await withDatabase((database) => new AccountStore(database).list())
      const lines = rows.map(({ id, name, email, createdAt }) => [id, name, email, time(createdAt)])
      const data = rows.map(({ createdAt, ...row }) => ({ ...row, created_at: createdAt }))
      print({ data }, table(['ACCOUNT', 'NAME', 'EMAIL', 'CREATED'], lines, 'There are no accounts.'), options)
    })
}

function nonEmpty(text: string): string {
  if (text.trim() === '') throw new InvalidArgumentError('It must not be empty.')
  return text
}

/** Only what is surely no address is refused; the rest is for the mail server to say. */
function emailAddress(text: string): string {
  if (!/^[^\s@]+@[^\s@]+$/.test(text)) throw new InvalidArgumentError('It must look like owner@example.com.')
  return text
}
