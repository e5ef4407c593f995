import { expect, it } from 'vitest'
import { stackFile, stackPids } from './stack-file.js'

const settings = {
  apiPort: 3000,
  managementPorts: { api: 9464, fanout: 9465, dispatcher: 9466 },
  kafkaBrokers: '127.0.0.1:20002',
  kafkaIsOurs: false,
  databaseUrl: 'postgres://127.0.0.1:20003/webhooks',
  secretsKey: 'never in the stack file',
  authoritiesFile: '/project/.local/authorities.pem',
}
const account = { id: 'acc_1', api_key: 'cfk_owner', producer_key: 'cfk_producer' }
const pids = new Map([
  ['api', 11],
  ['fanout', 12],
  ['dispatcher', 13],
])
const children = { pid: (name: string) => pids.get(name) }

it('has exactly the keys that scripts rely on', () => {
  expect(stackFile('http://127.0.0.1:3000', account, settings, 'https://127.0.0.1:20001/webhook', children)).toEqual({
    api_url: 'http://127.0.0.1:3000',
    account_id: 'acc_1',
    api_key: 'cfk_owner',
    producer_key: 'cfk_producer',
    ca_file: '/project/.local/authorities.pem',
    receiver_url: 'https://127.0.0.1:20001/webhook',
    kafka_brokers: '127.0.0.1:20002',
    database_url: 'postgres://127.0.0.1:20003/webhooks',
    management: { api: 'http://127.0.0.1:9464', fanout: 'http://127.0.0.1:9465', dispatcher: 'http://127.0.0.1:9466' },
    pids: { api: 11, fanout: 12, dispatcher: 13, kafka: null, postgres: null },
  })
})

it('is not made while a service is missing', () => {
  expect(() => stackPids({ pid: () => undefined })).toThrow(/api was not started/)
})
