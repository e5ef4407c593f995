import type { DisabledReason, EventType, WebhookState } from '#domain'
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

  @Column('text')
  state!: WebhookState

  @Column('text', { name: 'disabled_reason', nullable: true })
  disabledReason!: DisabledReason | null

  @Column('timestamptz', { name: 'failing_since', nullable: true })
  failingSince!: Date | null

  /** Grows by one with each change of the configuration; `failing` is none. */
  @Column('integer')
  version!: number

  @Column('timestamptz', { name: 'created_at' })
  createdAt!: Date

  @Column('timestamptz', { name: 'updated_at' })
  updatedAt!: Date
}
