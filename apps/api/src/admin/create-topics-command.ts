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
        const created = await admin.ensureTopics(specs)
        warnings.push(...(await settingsWarnings(admin, specs, brokers)))
        for (const warning of warnings) process.stderr.write(`warning: ${warning}\n`)
        const lines = created.length > 0 ? created.map((name) => `created ${name}`) : 'All topics exist.'
        print({ created }, lines, options)
      } finally {
        await admin.close()
      }
    })
}

/** The topics are there by now: whatever keeps us from looking is no more than a warning. */
async function settingsWarnings(admin: TopicAdmin, specs: TopicSpec[], brokers: string[]): Promise<string[]> {
  const entries = new Set(specs.flatMap(({ config }) => Object.keys(config)))
  const names = specs.map(({ name }) => name)
  try {
    const settings = await admin.topicSettings(names, [...entries])
    if (settings !== null) return differentSettings(specs, settings, brokers)
    return ['How existing topics are kept was not looked at: this user lacks describe_configs.']
  } catch (error) {
    return [`How existing topics are kept was not looked at: ${(error as Error).message}`]
  }
}
