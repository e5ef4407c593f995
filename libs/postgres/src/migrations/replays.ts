import type { MigrationInterface, QueryRunner } from 'typeorm'

/** Replays, with all that a replica needs to go on where another one was killed. Not a read model: this is the record. */
export class Replays1763960000007 implements MigrationInterface {
  readonly name = 'Replays1763960000007'

  async up(runner: QueryRunner): Promise<void> {
    // No reference to webhooks: what was replayed to one that was deleted since can still be looked up.
    await runner.query(`
      create table replays (
        id text primary key,
        account_id text not null references accounts (id),
        webhook_id text not null,
        choice text not null check (choice in ('failed', 'missed', 'all')),
        types text[] not null,
        since timestamptz(3) not null,
        until timestamptz(3) not null,
        rate_per_second integer not null check (rate_per_second > 0),
        state text not null check (state in ('waiting', 'running', 'paused', 'done', 'cancelled')),
        detail text,
        log_ends text not null,
        matched integer not null,
        sent integer not null,
        position_at timestamptz(3) not null,
        position_id text not null,
        page text,
        held_by text,
        held_until timestamptz(3),
        created_at timestamptz(3) not null,
        started_at timestamptz(3),
        ended_at timestamptz(3)
      )`)
    await runner.query(`
      create index replays_to_run on replays (created_at)
      where state in ('waiting', 'running') or page is not null`)
    await runner.query('create index replays_of_account on replays (account_id, created_at desc, id desc)')
    await runner.query('create index replays_by_end on replays (ended_at) where ended_at is not null')
  }

  async down(runner: QueryRunner): Promise<void> {
    await runner.query('drop table replays')
  }
}
