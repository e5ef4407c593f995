import type { TopicSpec as TopicToEnsure } from '#kafka'
import type { TopicMap } from '#topics'

export interface PlannedTopics {
  specs: TopicToEnsure[]
  /** Sentences for the operator: where existing topics decided otherwise than the configuration. */
  warnings: string[]
}

/**
 * Every topic with its number of partitions. The delivery topics must have equally many, since partition p of each
 * holds the same webhooks: where some exist already, their number wins for those that are still missing.
 *
 * @param existing partitions of the topics that exist
 */
export function plannedTopics(
  topics: Pick<TopicMap, 'specs' | 'coPartitioned'>,
  existing: ReadonlyMap<string, number>,
  config: { partitions: number; replicationFactor: number },
): PlannedTopics {
  const { coPartitioned } = topics
  const counts = new Map(coPartitioned.flatMap((name) => (existing.has(name) ? [[name, existing.get(name)!]] : [])))
  const shared = counts.size > 0 ? Math.max(...counts.values()) : config.partitions
  const specs = topics.specs.map((spec) => ({
    name: spec.name,
    partitions: spec.partitions ?? (coPartitioned.includes(spec.name) ? shared : config.partitions),
    replicationFactor: config.replicationFactor,
    config: { ...spec.config, ...durable(config.replicationFactor) },
  }))
  return { specs, warnings: warningsFor(counts, shared, config.partitions) }
}

/** Of three replicas two must have a record before it counts as written: one may die, and one may have died before. */
function durable(replicationFactor: number): Record<string, string> {
  return replicationFactor >= 3 ? { 'min.insync.replicas': '2' } : {}
}

function warningsFor(counts: Map<string, number>, shared: number, configured: number): string[] {
  const warnings: string[] = []
  if (shared !== configured) {
    warnings.push(`The delivery topics have ${shared} partitions, which wins over KAFKA_PARTITIONS=${configured}.`)
  }
  const odd = [...counts].filter(([, count]) => count !== shared)
  for (const [name, count] of odd) {
    warnings.push(
      `${name} has ${count} partitions, the others ${shared}: no dispatcher will start. ` +
        `Mend it with: kafka-topics.sh --alter --topic ${name} --partitions ${shared}`,
    )
  }
  return warnings
}
