import { readFileSync } from 'node:fs'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { parse } from 'yaml'
import { Database, WebhookSnapshot, migrate } from '#postgres'
import { PostgresServer, removeWithUs } from '../local/src/index.js'

const compose = parse(readFileSync('docker-compose.yml', 'utf8'), { merge: true }) as {
  services: Record<string, { environment: Record<string, string>; configs?: { source: string; target: string }[] }>
  configs: Record<string, { content: string }>
}

let folder: string
let server: PostgresServer
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'webhooks-compose-'))
  removeWithUs(folder)
  server = await PostgresServer.start({ dataDir: folder })
})
afterAll(async () => {
  await server?.stop()
  await rm(folder, { recursive: true, force: true })
})

/** As a service of the file is told to log in, but for where the server is. */
function openAs(service: string): Database {
  const url = new URL(compose.services[service]!.environment.DATABASE_URL!)
  url.host = new URL(server.databaseUrl).host
  return new Database({ url: url.href, applicationName: 'test', poolSize: 2 })
}

it('a database that the compose file makes lets each service do what it needs, as a user of its own', async () => {
  const { environment, configs } = compose.services.postgres!
  // What the image does with a new data folder: its user, then the scripts, in that database.
  const superuser = new Database({ url: server.databaseUrl, applicationName: 'test', poolSize: 1 })
  const { POSTGRES_USER, POSTGRES_PASSWORD } = environment
  await superuser.query(`create role ${POSTGRES_USER} superuser login password '${POSTGRES_PASSWORD}'`)
  await superuser.close()
  const [owner, fanout, dispatcher] = ['setup', 'fanout', 'dispatcher'].map(openAs)
  try {
    const script = configs!.find(({ target }) => target.startsWith('/docker-entrypoint-initdb.d/'))!
    await owner!.query(compose.configs[script.source]!.content)

    expect(await migrate(owner!)).not.toEqual([])

    expect(await new WebhookSnapshot(fanout!).subscribed()).toEqual([])
    await expect(new WebhookSnapshot(fanout!).deliverable()).rejects.toThrow(/permission denied/)
    expect(await new WebhookSnapshot(dispatcher!).deliverable()).toEqual([])
    await expect(dispatcher!.query('delete from webhooks')).rejects.toThrow(/permission denied/)
  } finally {
    await Promise.all([owner, fanout, dispatcher].map((each) => each!.close()))
  }
})
