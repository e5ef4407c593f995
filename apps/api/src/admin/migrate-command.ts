import type { Command } from 'commander'
import { migrate, roleNames } from '#postgres'
import { type PrintOptions, print } from './print.js'
import { withDatabase } from './with-database.js'

export function addMigrateCommand(program: Command): void {
  program
    .command('migrate')
    .description('bring the database schema up to date; safe to run from several places at once')
    .option('--json', 'print the names, and those of the roles for the services that only read, as JSON')
    .action(async (options: PrintOptions) => {
      const { migrations, roles } = await withDatabase(async (database) => ({
        migrations: await migrate(database),
        roles: await roleNames(database),
      }))
      const ran = migrations.length > 0 ? migrations.map((name) => `ran ${name}`) : ['The schema is up to date.']
      const readers = `Fan-out reads as ${roles.fanout}, the dispatcher as ${roles.dispatcher}.`
      print({ migrations, roles }, [...ran, readers], options)
    })
}
