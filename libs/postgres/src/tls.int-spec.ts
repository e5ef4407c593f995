import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, it, vi } from 'vitest'
import { PostgresServer, issueCertificate, makeAuthority, removeWithUs } from '#local'
import { AccountStore } from './configuration/account-store.js'
import { Database } from './database.js'
import { migrate } from './migrate.js'

let folder: string
let server: PostgresServer
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'webhooks-postgres-tls-'))
  removeWithUs(folder)
  server = await PostgresServer.start({ dataDir: join(folder, 'data') })
  const [authority, another] = [await makeAuthority(), await makeAuthority()]
  await writeFile(join(folder, 'ca.pem'), authority.cert)
  await writeFile(join(folder, 'another.pem'), another.cert)
  await requireTls(await issueCertificate(authority, ['localhost']))
})
afterAll(async () => {
  await server?.stop()
  await rm(folder, { recursive: true, force: true })
})

/** From here on the server lets in nobody without TLS. It writes the files itself: they must be its own. */
async function requireTls({ key, cert }: { key: string; cert: string }): Promise<void> {
  const superuser = new Database({ url: server.databaseUrl, applicationName: 'test', poolSize: 1 })
  try {
    const files = { 'server.key': key, 'server.crt': cert, 'pg_hba.conf': 'hostssl all all all scram-sha-256\n' }
    for (const [name, content] of Object.entries(files)) {
      const base64 = Buffer.from(content).toString('base64')
      await superuser.query(`copy (select '${base64}') to program 'umask 077 && base64 -d > ${name}'`)
    }
    await superuser.query('alter system set ssl = on')
    await superuser.query('select pg_reload_conf()')
  } finally {
    await superuser.close()
  }
  // The reload is a signal, heard a moment later.
  await vi.waitFor(() => expect(errorOf('')).resolves.toMatch(/no encryption/), 10_000)
}

function open(parameters: string, host = 'localhost'): Database {
  const url = new URL(server.databaseUrl + parameters)
  url.hostname = host
  return new Database({ url: url.href, applicationName: 'test', poolSize: 1 })
}

async function errorOf(parameters: string, host?: string): Promise<string> {
  const database = open(parameters, host)
  try {
    await database.query('select 1')
    return 'none'
  } catch (error) {
    return String(error)
  } finally {
    await database.close()
  }
}

it('every door to Postgres speaks TLS where DATABASE_URL asks for it', async () => {
  const database = open(`?sslmode=verify-full&sslrootcert=${join(folder, 'ca.pem')}`)
  try {
    expect(await migrate(database)).not.toEqual([])
    const session = await database.query('select ssl from pg_stat_ssl where pid = pg_backend_pid()')
    expect(session).toEqual([{ ssl: true }])
    expect(await new AccountStore(database).list()).toEqual([])
  } finally {
    await database.close()
  }
})

it.each(['verify-full', 'verify-ca', 'require', 'prefer'])('%s refuses a server that is not the one', async (mode) => {
  const root = (name: string) => `?sslmode=${mode}&sslrootcert=${join(folder, name)}`
  expect(await errorOf(root('another.pem'))).toMatch(/certificate/)
  expect(await errorOf(`?sslmode=${mode}`)).toMatch(/certificate/)
  expect(await errorOf(root('ca.pem'), '127.0.0.1')).toMatch(/altnames/)
  expect(await errorOf(root('ca.pem'))).toBe('none')
})

it('no-verify takes any server', async () => {
  expect(await errorOf('?sslmode=no-verify', '127.0.0.1')).toBe('none')
})
