/** An assigner that has something to do before its member joins the group, again or for the first time. */
export interface PreparedAssigner {
  /** Never rejects; the join waits for it, and the group's other members with it. */
  beforeJoin?(): Promise<void>
}

interface JoiningGroup {
  assigners: PreparedAssigner[]
  joinAndSync(): Promise<void>
}
type JoiningGroupClass = new (options: never) => JoiningGroup

/**
 * kafkajs joins as soon as it hears of a rebalance, and says so to nobody who could make it wait. Its group has nothing
 * of ours but the assigners: so they are asked. Once per rebalance: when another one follows while it joins, kafkajs
 * begins again within `joinAndSync`.
 */
export function askBeforeJoin(stock: JoiningGroupClass): JoiningGroupClass {
  return class extends stock {
    override async joinAndSync(): Promise<void> {
      await Promise.all(this.assigners.map((assigner) => assigner.beforeJoin?.()))
      return super.joinAndSync()
    }
  }
}
