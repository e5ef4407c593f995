import { once } from 'node:events'
import pg from 'pg'
import { afterEach, beforeEach, describe, expect, inject, it } from 'vitest'
import { ask } from './ask.js'
import { sqlState } from './database-unavailable.js'

describe('ask', () => {
  let client: pg.Client
  beforeEach(async () => {
    client = new pg.Client({ connectionString: inject('databaseUrl') })
    await client.connect()
  })
  afterEach(() => client.end())

  it('answers with rows, also for a statement with a name', async () => {
    const question = { name: 'sum', text: 'select $1::integer + $2::integer as sum', values: [1, 2] }
    expect(await ask(client, question, 1_000)).toEqual([{ sum: 3 }])
    expect(await ask(client, { ...question, values: [3, 4] }, 1_000)).toEqual([{ sum: 7 }])
  })

  it("rejects with pg's own error, and the connection goes on", async () => {
    const refusal = await ask(client, { text: 'select 1 / 0' }, 1_000).catch((error: unknown) => error)
    expect(sqlState(refusal)).toBe('22012')
    expect(await ask(client, { text: 'select 1 as one' }, 1_000)).toEqual([{ one: 1 }])
  })

  it('closes the connection when no answer comes in time, and says so', async () => {
    const told = once(client, 'error')
    const waiting = ask(client, { text: 'select pg_sleep(30)' }, 100)
    await expect(waiting).rejects.toThrow('Query read timeout')
    expect(await told).toEqual([expect.objectContaining({ message: 'Query read timeout' })])
    await expect(ask(client, { text: 'select 1' }, 1_000)).rejects.toThrow('not queryable')
  })
})
