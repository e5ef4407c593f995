import type { MigrationInterface, QueryRunner } from 'typeorm'

/**
 * What happened, as customers ask for it. Each table has a partition per day of acceptance, so that forgetting is
 * dropping a table; they are written from the log only and can be written anew from it. What strangers wrote is text,
 * not jsonb, which refuses \\u0000 and lone surrogates.
 */
export class ReadModels1763960000002 implements MigrationInterface {
  readonly name = 'ReadModels1763960000002'

  async up(runner: QueryRunner): Promise<void> {
    // The ids of producers are theirs: two accounts may use the same one.
    await runner.query(`
      create table events (
        account_id text not null,
        id text not null,
        type text not null,
        accepted_at timestamptz(3) not null,
        body text not null,
        primary key (id, account_id, accepted_at)
      ) partition by range (accepted_at)`)
    await runner.query('create index events_of_account on events (account_id, accepted_at desc, id desc)')
    // Where an event went and why not elsewhere. Apart from the event, because it is learnt from another topic.
    await runner.query(`
      create table fan_outs (
        account_id text not null,
        event_id text not null,
        accepted_at timestamptz(3) not null,
        decided_at timestamptz(3) not null,
        matches text not null,
        primary key (event_id, account_id, accepted_at)
      ) partition by range (accepted_at)`)
    await runner.query(`
      create table deliveries (
        id text not null,
        accepted_at timestamptz(3) not null,
        account_id text not null,
        webhook_id text not null,
        event_id text not null,
        event_type text not null,
        trigger text not null,
        chain integer not null,
        chain_end text,
        ended_at timestamptz(3),
        next_attempt integer not null,
        not_before timestamptz(3) not null,
        attempts_made integer not null,
        primary key (id, accepted_at)
      ) partition by range (accepted_at)`)
    await runner.query('create index deliveries_of_webhook on deliveries (webhook_id, accepted_at desc, id desc)')
    await runner.query(`
      create table attempts (
        delivery_id text not null,
        id text not null,
        accepted_at timestamptz(3) not null,
        chain integer not null,
        number integer not null,
        trigger text not null,
        started_at timestamptz(3) not null,
        duration_ms integer not null,
        outcome text not null,
        reason text,
        request_url text not null,
        request_headers text not null,
        response_status integer,
        response_headers text,
        response_body text,
        primary key (delivery_id, id, accepted_at)
      ) partition by range (accepted_at)`)
  }

  async down(runner: QueryRunner): Promise<void> {
    await runner.query('drop table attempts, deliveries, fan_outs, events')
  }
}
