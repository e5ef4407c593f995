export interface TopicPartition {
  topic: string
  partition: number
}

/** For maps and sets: the same for the same partition, whatever else its object carries. */
export function partitionName({ topic, partition }: TopicPartition): string {
  return `${topic}/${partition}`
}
