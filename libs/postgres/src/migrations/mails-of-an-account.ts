import type { MigrationInterface, QueryRunner } from 'typeorm'

/**
 * What an account's mails of the last hour are counted by, which mails were withheld and not yet counted, and what of the
 * notifications is done and may be forgotten. A process of the release before withholds none.
 */
export class MailsOfAnAccount1763960000013 implements MigrationInterface {
  readonly name = 'MailsOfAnAccount1763960000013'

  async up(runner: QueryRunner): Promise<void> {
    await runner.query('alter table notifications add column mail_withheld boolean not null default false')
    // Whoever changes one of these conditions changes it in the statements, too: else they read the whole table.
    await runner.query(`
      create index notifications_mailed on notifications (account_id, created_at)
      where next_attempt_at is not null or sent_at is not null`)
    await runner.query('create index notifications_withheld on notifications (id) where mail_withheld')
    await runner.query(`
      create index notifications_done on notifications (created_at)
      where next_attempt_at is null and event_due_at is null`)
  }

  async down(runner: QueryRunner): Promise<void> {
    await runner.query('drop index notifications_mailed, notifications_withheld, notifications_done')
    await runner.query('alter table notifications drop column mail_withheld')
  }
}
