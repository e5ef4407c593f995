import { Column, Entity, PrimaryColumn } from 'typeorm'

/** A key without the key: only its hash is stored, so that a stolen database opens nothing. */
@Entity('api_keys')
export class ApiKey {
  @PrimaryColumn('text')
  id!: string

  /** Null for a producer's key, which may name any account. */
  @Column('text', { name: 'account_id', nullable: true })
  accountId!: string | null

  @Column('text')
  name!: string

  @Column('text', { array: true })
  scopes!: string[]

  /** SHA-256 of the whole key, lower-case hex. */
  @Column('text')
  hash!: string

  @Column('timestamptz', { name: 'created_at' })
  createdAt!: Date

  @Column('timestamptz', { name: 'last_used_at', nullable: true })
  lastUsedAt!: Date | null

  @Column('timestamptz', { name: 'revoked_at', nullable: true })
  revokedAt!: Date | null
}
