import type { OwnAssigner } from './own-assigner.js'

interface JoiningGroup {
  assigners: OwnAssigner[]
  joinAndSync(): Promise<void>
}
type JoiningGroupClass = new (options: never) => JoiningGroup

/**
 * kafkajs joins as soon as it hears of a rebalance, and says so to nobody who could make it wait: so the assigners are
 * asked. Once per rebalance: when another one follows while it joins, kafkajs begins again within `joinAndSync`.
 */
export function askBeforeJoin(stock: JoiningGroupClass): JoiningGroupClass {
  return class extends stock {
    override async joinAndSync(): Promise<void> {
      await Promise.all(this.assigners.map((assigner) => assigner.beforeJoin?.()))
      return super.joinAndSync()
    }
  }
}
