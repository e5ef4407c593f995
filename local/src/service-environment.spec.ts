import { describe, expect, it } from 'vitest'
import { serviceEnvironment, serviceNames, type StackSettings } from './service-environment.js'

const settings: StackSettings = {
  apiPort: 3001,
  managementPorts: { api: 9464, fanout: 9465, dispatcher: 9466 },
  kafkaBrokers: '127.0.0.1:20002',
  kafkaIsOurs: true,
  databaseUrl: 'postgres://127.0.0.1:20003/webhooks',
  secretsKey: 'the stack’s key',
  authoritiesFile: '.local/authorities.pem',
}

describe('the environment of a service', () => {
  it('passes on what is set, and sets what the stack decides', () => {
    const environment = serviceEnvironment('dispatcher', settings, {
      RETRY_SCHEDULE: '1s,1s,1s,1s,1s',
      MANAGEMENT_PORT: '9000',
    })
    expect(environment).toMatchObject({
      RETRY_SCHEDULE: '1s,1s,1s,1s,1s',
      MANAGEMENT_PORT: '9466',
      API_PORT: '3001',
      KAFKA_BROKERS: '127.0.0.1:20002',
      SECRETS_KEY: 'the stack’s key',
      EGRESS_CA_FILE: '.local/authorities.pem',
    })
  })

  it('bounds the heap as in production, and lets somebody say otherwise', () => {
    const options = (environment: NodeJS.ProcessEnv) => serviceEnvironment('api', settings, environment).NODE_OPTIONS
    expect(options({})).toBe('--max-old-space-size=358')
    expect(options({ NODE_OPTIONS: '--max-old-space-size=900' })).toMatch(/=358 --max-old-space-size=900$/)
  })

  it('allows loopback only where nothing was said about addresses', () => {
    const cidrs = (environment: NodeJS.ProcessEnv) =>
      serviceEnvironment('api', settings, environment).EGRESS_ALLOWED_CIDRS
    expect(cidrs({})).toBe('127.0.0.0/8,::1/128')
    expect(cidrs({ EGRESS_ALLOWED_CIDRS: '10.0.0.0/8' })).toBe('10.0.0.0/8')
    // Which an empty value is, as to the services.
    expect(cidrs({ EGRESS_ALLOWED_CIDRS: '' })).toBe('127.0.0.0/8,::1/128')
  })

  it('asks the lone local broker for one replica, and says nothing about replicas to another', () => {
    const replicas = (kafkaIsOurs: boolean, environment: NodeJS.ProcessEnv) =>
      serviceEnvironment('api', { ...settings, kafkaIsOurs }, environment).KAFKA_REPLICATION_FACTOR
    expect(replicas(true, {})).toBe('1')
    expect(replicas(false, {})).toBeUndefined()
    expect(replicas(false, { KAFKA_REPLICATION_FACTOR: '2' })).toBe('2')
  })

  it('gives each service its own user of the database, where the stack has made them', () => {
    const readerUrls = { fanout: 'postgres://fanout@/', dispatcher: 'postgres://dispatcher@/' }
    const urls = (readers: Partial<StackSettings>) =>
      serviceNames.map((name) => serviceEnvironment(name, { ...settings, ...readers }, {}).DATABASE_URL)
    const { databaseUrl } = settings
    expect(urls({ readerUrls })).toEqual([databaseUrl, readerUrls.fanout, readerUrls.dispatcher])
    expect(urls({})).toEqual([databaseUrl, databaseUrl, databaseUrl])
  })

  it('never shows fan-out the secrets key, not even the user’s own', () => {
    expect(serviceEnvironment('fanout', settings, { SECRETS_KEY: 'own' })).not.toHaveProperty('SECRETS_KEY')
  })
})
