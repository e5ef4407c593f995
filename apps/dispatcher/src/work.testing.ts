import type { Delivery } from '#domain'
import { aDelivery } from '../../../libs/domain/src/builders.testing.js'
import type { Work } from './work.js'

export interface WorkStandIn extends Work {
  completed: boolean
}

let nextOffset = 0

/** A delivery in hand, of a partition that is held until `lost` is set. */
export function someWork(
  delivery: Partial<Delivery> = {},
  partition: { topic?: string; index?: number; lost?: boolean; stale?: boolean } = {},
): WorkStandIn {
  const { topic = 'deliveries', index = 0 } = partition
  const record = { topic, partition: index, offset: nextOffset++, key: null, value: null, headers: {}, timestamp: 0 }
  const work = {
    delivery: aDelivery({ id: `dlv_${record.offset}`, ...delivery }),
    record,
    completed: false,
    batch: {
      isOwned: () => !partition.lost,
      isHeld: () => !partition.lost && !partition.stale,
      complete: () => {
        work.completed = true
      },
    } as unknown as Work['batch'],
  }
  return work
}
