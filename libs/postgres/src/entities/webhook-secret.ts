import { Column, Entity, PrimaryColumn } from 'typeorm'

/** One of a webhook's secrets, sealed; during a rotation's overlap there are two. The greatest id is the newest. */
@Entity('webhook_secrets')
export class WebhookSecret {
  @PrimaryColumn('integer', { generated: 'identity', generatedIdentity: 'ALWAYS' })
  id!: number

  @Column('text', { name: 'webhook_id' })
  webhookId!: string

  @Column('text')
  sealed!: string

  /** Null for the newest. */
  @Column('timestamptz', { name: 'expires_at', nullable: true })
  expiresAt!: Date | null

  @Column('timestamptz', { name: 'created_at' })
  createdAt!: Date
}
