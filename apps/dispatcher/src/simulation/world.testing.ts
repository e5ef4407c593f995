import type { DeliverableWebhook, Delivery, DisableWebhook, Fact } from '#domain'
import { type Message, encodeDelivery } from '#topics'
import { Chance } from './chance.testing.js'
import { PretendApi } from './pretend-api.testing.js'
import { PretendGroup } from './pretend-group.testing.js'
import { PretendLog, topics } from './pretend-log.testing.js'
import type { Writing } from './pretend-producer.testing.js'
import { ReadModel } from './read-model.testing.js'
import { Receivers } from './receivers.testing.js'

/** A request to a receiver, with what was true when it was begun. */
export interface MadeRequest {
  delivery: Delivery
  webhook: DeliverableWebhook
  /** Ms since the epoch. */
  startedAt: number
  dispatcher: number
  /** To the same webhook, this one included. */
  underWay: number
  /** Another dispatcher worked on the webhook's partition already. */
  isAnothers: boolean
}

/** All that is outside of the dispatchers, and what is to be known of them afterwards. */
export class World {
  readonly chance: Chance
  readonly log = new PretendLog()
  readonly group = new PretendGroup(this.log)
  readonly api: PretendApi
  readonly readModel: ReadModel
  readonly receivers: Receivers
  readonly writing: Writing = { awayUntil: 0, lateIn100: 5 }
  /** Every chain that somebody asked for. */
  readonly offered = new Set<string>()
  readonly requests: MadeRequest[] = []
  /** What must not happen and was seen at once. */
  readonly problems: string[] = []

  constructor(seed: number) {
    this.chance = new Chance(seed)
    this.api = new PretendApi(this.chance)
    this.readModel = new ReadModel(this.chance)
    this.receivers = new Receivers(this.chance)
  }

  offer(delivery: Delivery, topic = topics.deliveries): void {
    this.offered.add(`${delivery.id}/${delivery.chain}`)
    this.append(encodeDelivery(topic, delivery))
  }

  append(message: Message): void {
    this.log.append(message)
    if (message.topic === topics.deliveryLog) this.readModel.project(JSON.parse(String(message.value)) as Fact)
    if (message.topic === topics.webhookCommands) {
      void this.api.carryOut(JSON.parse(String(message.value)) as DisableWebhook)
    }
  }
}
