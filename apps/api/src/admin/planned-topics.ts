import type { TopicAdmin, TopicSpec as TopicToEnsure } from '#kafka'
import { type TopicMap, partitionProblem } from '#topics'

/** By topic. */
type Settings = NonNullable<Awaited<ReturnType<TopicAdmin['topicSettings']>>>

export interface PlannedTopics {
  specs: TopicToEnsure[]
  /** Sentences for the operator: where existing topics decided otherwise than the configuration. */
  warnings: string[]
}

/**
 * Every topic with its number of partitions. The delivery topics must have equally many, since partition p of each
 * holds the same webhooks: where some exist already, their number wins for those that are still missing. So must the
 * tiers of an earlier schedule, which the dispatcher drains.
 *
 * @param existing partitions of the topics that exist
 * @param config with the brokers, host:port
 */
export function plannedTopics(
  topics: Pick<TopicMap, 'specs' | 'coPartitioned' | 'leftBehindTiers'>,
  existing: ReadonlyMap<string, number>,
  config: { partitions: number; replicationFactor: number; brokers: readonly string[] },
): PlannedTopics {
  const { coPartitioned } = topics
  const consumedTogether = [...coPartitioned, ...topics.leftBehindTiers([...existing.keys()])]
  const counts = new Map(consumedTogether.flatMap((name) => (existing.has(name) ? [[name, existing.get(name)!]] : [])))
  const shared = counts.size > 0 ? Math.max(...counts.values()) : config.partitions
  const specs = topics.specs.map((spec) => ({
    name: spec.name,
    partitions: spec.partitions ?? (coPartitioned.includes(spec.name) ? shared : config.partitions),
    replicationFactor: config.replicationFactor,
    config: { ...spec.config, ...durable(config.replicationFactor) },
  }))
  return { specs, warnings: warningsFor(counts, shared, config) }
}

/**
 * Sentences for the operator, where existing topics are kept otherwise than planned, each with the command that changes
 * it. That is left to people: a shorter retention deletes at once, and a longer one may need a larger disk.
 *
 * @param existing those that are missing are not spoken of
 * @param brokers host:port, as configured: the commands run as they are printed
 */
export function differentSettings(
  specs: readonly TopicToEnsure[],
  existing: Settings,
  brokers: readonly string[],
): string[] {
  return specs.flatMap((spec) => {
    const settings = existing.get(spec.name)
    return settings ? differencesOf(spec, settings, brokers) : []
  })
}

function differencesOf(
  { name, config, replicationFactor }: TopicToEnsure,
  settings: NonNullable<ReturnType<Settings['get']>>,
  brokers: readonly string[],
): string[] {
  const alter = `kafka-configs.sh --bootstrap-server ${brokers.join(',')} --alter --entity-type topics`
  // With more of them wanted in sync than there are, nothing could be written.
  const hasReplicas = settings.replicas >= replicationFactor
  const changes = Object.entries(config)
    // A service that is like Kafka may not tell of every entry.
    .filter(([entry, value]) => ![undefined, value].includes(settings.config[entry]))
    .filter(([entry]) => hasReplicas || entry !== IN_SYNC)
    .map(
      ([entry, value]) =>
        `${name} exists with ${entry}=${settings.config[entry]}, and the configuration asks for ${value}. ` +
        `Change it with:\n  ${alter} --entity-name ${name} --add-config ${entry}=${value}`,
    )
  if (hasReplicas) return changes
  const missing = `${name} has ${settings.replicas} of ${replicationFactor} replicas. `
  return [...changes, `${missing}Add the others with kafka-reassign-partitions.sh, then run this again.`]
}

const IN_SYNC = 'min.insync.replicas'

/** Of three replicas two must have a record before it counts as written: one may die, and one may have died before. */
function durable(replicationFactor: number): Record<string, string> {
  return replicationFactor >= 3 ? { [IN_SYNC]: '2' } : {}
}

function warningsFor(
  counts: ReadonlyMap<string, number>,
  shared: number,
  { partitions, brokers }: { partitions: number; brokers: readonly string[] },
): string[] {
  const warnings: string[] = []
  if (shared !== partitions) {
    warnings.push(`The delivery topics have ${shared} partitions, which wins over KAFKA_PARTITIONS=${partitions}.`)
  }
  const problem = partitionProblem(counts, brokers)
  if (problem !== null) warnings.push(problem)
  return warnings
}
