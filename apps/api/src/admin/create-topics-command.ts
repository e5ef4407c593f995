import type { Command } from 'commander'
import { TopicAdmin, type TopicSpec } from '#kafka'
import { differentSettings, plannedTopics } from './planned-topics.js'
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
        warnings.push(...(await settingsWarnings(admin, specs, brokers)))
        for (const warning of warnings) process.stderr.write(`warning: ${warning}\n`)
        const created = await admin.ensureTopics(specs)
        const lines = created.length > 0 ? created.map((name) => `created ${name}`) : 'All topics exist.'
        print({ created }, lines, options)
      } finally {
        await admin.close()
      }
    })
}

async function settingsWarnings(admin: TopicAdmin, specs: TopicSpec[], brokers: string[]): Promise<string[]> {
  const entries = new Set(specs.flatMap(({ config }) => Object.keys(config)))
  const settings = await admin.topicSettings(
    specs.map(({ name }) => name),
    [...entries],
  )
  // A broker that denies what nobody was granted: the topics can be made all the same.
  if (settings === null) return ['How existing topics are kept was not looked at: this user lacks describe_configs.']
  return differentSettings(specs, settings, brokers)
}
