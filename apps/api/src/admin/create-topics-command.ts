import type { Command } from 'commander'
import { TopicAdmin } from '#kafka'
import { plannedTopics } from './planned-topics.js'
import { type PrintOptions, print } from './print.js'
import { answeringKafka } from './with-kafka.js'

export function addCreateTopicsCommand(program: Command): void {
  program
    .command('create-topics')
    .description('create the topics that do not exist yet; existing ones stay as they are')
    .option('--json', 'print the names as JSON')
    .action(async (options: PrintOptions) => {
      const { connection, topics, config } = await answeringKafka()
      const admin = new TopicAdmin(connection)
      try {
        const leftBehind = topics.leftBehindTiers(await admin.listTopics())
        const existing = await admin.partitionCounts([...topics.specs.map(({ name }) => name), ...leftBehind])
        const { brokers } = config.kafka
        const { specs, warnings } = plannedTopics(topics, existing, { ...config.topics, brokers })
        for (const warning of warnings) process.stderr.write(`warning: ${warning}\n`)
        const created = await admin.ensureTopics(specs)
        const lines = created.length > 0 ? created.map((name) => `created ${name}`) : 'All topics exist.'
        print({ created }, lines, options)
      } finally {
        await admin.close()
      }
    })
}
