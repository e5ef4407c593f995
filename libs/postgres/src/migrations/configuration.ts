import type { MigrationInterface, QueryRunner } from 'typeorm'

/** Accounts, their keys and webhooks, and the outbox that carries changes to Kafka. */
export class Configuration1763960000001 implements MigrationInterface {
  // Given as text: the class's own name would not survive a minifier.
  readonly name = 'Configuration1763960000001'

  async up(runner: QueryRunner): Promise<void> {
    await runner.query(`
      create table accounts (
        id text primary key,
        name text not null,
        email text not null,
        created_at timestamptz(3) not null
      )`)
    await runner.query(`
      create table api_keys (
        id text primary key,
        account_id text references accounts (id),
        name text not null,
        scopes text[] not null,
        hash text not null unique,
        created_at timestamptz(3) not null,
        last_used_at timestamptz(3),
        revoked_at timestamptz(3)
      )`)
    await runner.query(`
      create table webhooks (
        id text primary key,
        account_id text not null references accounts (id),
        name text not null,
        url text not null,
        events text[] not null,
        state text not null check (state in ('active', 'failing', 'disabled')),
        disabled_reason text check (disabled_reason in ('owner', 'gone', 'failing')),
        failing_since timestamptz(3),
        version integer not null,
        created_at timestamptz(3) not null,
        updated_at timestamptz(3) not null,
        check ((state = 'disabled') = (disabled_reason is not null))
      )`)
    await runner.query('create index webhooks_of_account on webhooks (account_id, created_at desc, id desc)')
    await runner.query(`
      create table webhook_secrets (
        id integer generated always as identity primary key,
        webhook_id text not null references webhooks (id) on delete cascade,
        sealed text not null,
        expires_at timestamptz(3),
        created_at timestamptz(3) not null
      )`)
    await runner.query('create index secrets_of_webhook on webhook_secrets (webhook_id, id desc)')
    await runner.query(`
      create table outbox (
        id bigint generated always as identity primary key,
        webhook_id text not null,
        change text not null,
        created_at timestamptz(3) not null
      )`)
  }

  async down(runner: QueryRunner): Promise<void> {
    await runner.query('drop table outbox, webhook_secrets, webhooks, api_keys, accounts')
  }
}
