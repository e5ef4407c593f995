import { expect, it } from 'vitest'
import { readAdminConfig, readSecretsConfig } from '#config'
import { adminEnvironment, adminVariables, adminVariablesOf } from './admin-environment.js'

const started = { RETRY_SCHEDULE: '1s,1s,1s,1s,1s', SECRETS_KEY: 'k2:two,k1:one', KAFKA_PARTITIONS: '3' }
const state = { secrets_key: 'of the first start', admin_environment: started }

it('keeps every variable that a command reads, and no other', () => {
  const asked = new Set<string>()
  const watched = new Proxy<Record<string, string>>(
    { DATABASE_URL: 'postgres://127.0.0.1/x', KAFKA_BROKERS: '127.0.0.1:1', KAFKA_SASL_MECHANISM: 'plain' },
    {
      get: (values, name: string) => (
        asked.add(name),
        values[name] ?? (name.startsWith('KAFKA_SASL') ? 'x' : undefined)
      ),
    },
  )
  readAdminConfig(watched)
  expect(() => readSecretsConfig(watched)).toThrow('SECRETS_KEY')
  // A command listens on no port.
  asked.delete('MANAGEMENT_PORT')

  expect([...adminVariables].sort()).toEqual([...asked].sort())
  expect(adminVariablesOf({ ...started, SMTP_URL: 'smtps://me:mine@host', RETRY_SCHEDULE: '' })).toEqual({
    SECRETS_KEY: 'k2:two,k1:one',
    KAFKA_PARTITIONS: '3',
  })
})

it('is what the running stack was started with, and above it what the caller says', () => {
  const environment = { RETRY_SCHEDULE: '2s,2s,2s,2s,2s', KAFKA_PARTITIONS: '', PATH: '/bin' }

  expect(adminEnvironment({ isRunning: true, state, environment })).toEqual({
    ...started,
    RETRY_SCHEDULE: '2s,2s,2s,2s,2s',
    PATH: '/bin',
  })
})

it('is the caller’s own without a running stack, but for the key of the secrets that lie there', () => {
  const environment = { PATH: '/bin' }

  expect(adminEnvironment({ isRunning: false, state, environment })).toEqual({
    SECRETS_KEY: 'of the first start',
    PATH: '/bin',
  })
  expect(adminEnvironment({ isRunning: false, state: undefined, environment })).toEqual({ PATH: '/bin' })
})
