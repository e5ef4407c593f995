import type { Command } from 'commander'
import { migrate } from '#postgres'
import { type PrintOptions, print } from './print.js'
import { withDatabase } from './with-database.js'

export function addMigrateCommand(program: Command): void {
  program
    .command('migrate')
    .description('bring the database schema up to date; safe to run from several places at once')
    .option('--json', 'print the names as JSON')
    .action(async (options: PrintOptions) => {
      const migrations = await withDatabase(migrate)
      const lines = migrations.length > 0 ? migrations.map((name) => `ran ${name}`) : 'The schema is up to date.'
      print({ migrations }, lines, options)
    })
}
