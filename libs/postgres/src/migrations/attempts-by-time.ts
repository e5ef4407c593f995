import type { MigrationInterface, QueryRunner } from 'typeorm'

/**
 * Attempts are found by the acceptance and the id of their delivery, in this order: what is written at one time lies
 * side by side. By the random id alone every row touched another page, and a day of them fits into no cache.
 */
export class AttemptsByTime1763960000009 implements MigrationInterface {
  readonly name = 'AttemptsByTime1763960000009'

  async up(runner: QueryRunner): Promise<void> {
    await makeMissingDays(runner)
    // For that they lie beside their delivery, also where its event came twice and the first acceptance counts.
    await runner.query(`
      update attempts set accepted_at = (
        select max(deliveries.accepted_at) from deliveries
        where deliveries.id = attempts.delivery_id and deliveries.accepted_at < attempts.accepted_at)
      where not exists (
        select 1 from deliveries
        where deliveries.id = attempts.delivery_id and deliveries.accepted_at = attempts.accepted_at)
      and exists (
        select 1 from deliveries
        where deliveries.id = attempts.delivery_id and deliveries.accepted_at < attempts.accepted_at)`)
    await runner.query('alter table attempts drop constraint attempts_pkey')
    await runner.query('alter table attempts add primary key (accepted_at, delivery_id, id)')
  }

  async down(runner: QueryRunner): Promise<void> {
    await runner.query('alter table attempts drop constraint attempts_pkey')
    await runner.query('alter table attempts add primary key (delivery_id, id, accepted_at)')
  }
}

/** A day may have deliveries and no attempt yet. */
async function makeMissingDays(runner: QueryRunner): Promise<void> {
  const days = (await runner.query(`
    select right(relname, 8) as day from pg_inherits join pg_class on oid = inhrelid
    where inhparent = 'deliveries'::regclass and to_regclass('attempts_' || right(relname, 8)) is null`)) as {
    day: string
  }[]
  for (const { day } of days) {
    await runner.query(`
      create table attempts_${day} partition of attempts
      for values from ('${day} 00:00:00+00') to (timestamptz '${day} 00:00:00+00' + interval '24 hours')`)
  }
}
