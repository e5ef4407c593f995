import { Column, Entity, PrimaryColumn } from 'typeorm'

/** A change that the database knows and Kafka may not know yet. Deleted once it is published. */
@Entity('outbox')
export class OutboxEntry {
  /** In the order of commits, because writers take turns; pg gives a bigint as text. */
  @PrimaryColumn('bigint', { generated: 'identity', generatedIdentity: 'ALWAYS' })
  id!: string

  @Column('text', { name: 'webhook_id' })
  webhookId!: string

  /** A `WebhookChange<DeliverableWebhook>` as JSON. */
  @Column('text')
  change!: string

  @Column('timestamptz', { name: 'created_at' })
  createdAt!: Date
}
