/**
 * An assigner that also answers for its member. kafkajs makes the consumer group by itself, and has nothing of ours in it
 * but the assigners: so what its options do not know is asked of them.
 */
export interface OwnAssigner {
  /** Before every join. Never rejects; the join waits for it, and the group's other members with it. */
  beforeJoin?(): Promise<void>
  /** From one fetch that brought records to the next, at least. Ms. */
  fetchEveryMs?: number
  /** See `DecoupledConsumerOptions`. */
  patientTopics?: readonly string[]
}
