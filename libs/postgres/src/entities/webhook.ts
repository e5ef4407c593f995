import type { DisabledReason, EventType } from '#domain'
import { Column, Entity, PrimaryColumn } from 'typeorm'

/** An account's URL, event types and state. Its secrets live beside it, out of the sight of whoever reads this. */
@Entity('webhooks')
export class Webhook {
  @PrimaryColumn('text')
  id!: string

  @Column('text', { name: 'account_id' })
  accountId!: string

  @Column('text')
  name!: string

  @Column('text')
  url!: string

  @Column('text', { array: true })
  events!: EventType[]

  /** Whether it is failing is not configuration: that is counted from the log, in `webhook_health`. */
  @Column('text')
  state!: 'active' | 'disabled'

  @Column('text', { name: 'disabled_reason', nullable: true })
  disabledReason!: DisabledReason | null

  /** Created, given a new URL or enabled again: attempts that were started before are no failures of what it is now. */
  @Column('timestamptz', { name: 'judged_from' })
  judgedFrom!: Date

  /** Grows by one with each change of the configuration; `failing` is none. */
  @Column('integer')
  version!: number

  @Column('timestamptz', { name: 'created_at' })
  createdAt!: Date

  @Column('timestamptz', { name: 'updated_at' })
  updatedAt!: Date
}
