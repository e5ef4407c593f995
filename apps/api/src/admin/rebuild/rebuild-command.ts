import type { Command } from 'commander'
import { type PrintOptions, print } from '../print.js'
import { withDatabase } from '../with-database.js'
import { answeringKafka } from '../with-kafka.js'
import { ProgressLine } from './progress-line.js'
import { count } from './reading-progress.js'
import { rebuildReadModels } from './rebuild-read-models.js'

export function addRebuildCommand(program: Command): void {
  program
    .command('rebuild')
    .description('throw the read models away and build them anew from the log; they serve until the new are complete')
    .option('--json', 'print the outcome as JSON')
    .action(async (options: PrintOptions) => {
      const access = await answeringKafka()
      const line = new ProgressLine(process.stderr)
      const report = { progress: (text: string) => line.show(`rebuilding: ${text}`), say: line.say.bind(line) }
      const { records, seconds, isResumed } = await withDatabase(
        (database) => rebuildReadModels(database, access, report),
        access.config.databaseUrl,
      ).finally(() => line.end())
      const lines = `The read models were rebuilt from ${count(records)} records in ${Math.ceil(seconds)} s.`
      print({ records, seconds, resumed: isResumed }, lines, options)
    })
}
