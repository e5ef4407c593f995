import { Column, Entity, PrimaryColumn } from 'typeorm'

/** Whose contexts and webhooks. */
@Entity('accounts')
export class Account {
  @PrimaryColumn('text')
  id!: string

  @Column('text')
  name!: string

  /** The owner's, for notices about failing webhooks. */
  @Column('text')
  email!: string

  @Column('timestamptz', { name: 'created_at' })
  createdAt!: Date
}
