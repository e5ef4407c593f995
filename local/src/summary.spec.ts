import { describe, expect, it } from 'vitest'
import { coloursFor } from './console.js'
import type { StackFile } from './stack-file.js'
import { summary } from './summary.js'

const stack: StackFile = {
  api_url: 'http://127.0.0.1:3001',
  account_id: 'acc_local',
  api_key: 'cfk_owner',
  producer_key: 'cfk_producer',
  ca_file: '/somewhere/.local/authorities.pem',
  receiver_url: 'https://127.0.0.1:20001/webhook',
  kafka_brokers: '127.0.0.1:20002',
  database_url: 'postgres://127.0.0.1:20003/webhooks',
  management: { api: 'http://127.0.0.1:9464', fanout: 'http://127.0.0.1:9465', dispatcher: 'http://127.0.0.1:9466' },
  pids: { api: 1, fanout: 2, dispatcher: 3, kafka: 4, postgres: 5 },
}
const plain = coloursFor({ isTTY: false }, {})
const textOf = (changed: Partial<StackFile> = {}) =>
  summary({ stack: { ...stack, ...changed }, elapsed: '9.8 s', webhookUrl: 'https://127.0.0.1:20001/mine' }, plain)

describe('the summary of npm start', () => {
  it('names every address and key of the stack', () => {
    const { management, pids: _, ca_file: __, ...shown } = stack
    for (const value of [...Object.values(shown), ...Object.values(management)]) expect(textOf()).toContain(value)
    expect(textOf()).toContain('http://127.0.0.1:3001/docs')
    expect(textOf()).toContain('http://127.0.0.1:3001/openapi.json')
  })

  it('creates a webhook with the owner’s key and posts an event with the producer’s', () => {
    const [, create, post] = textOf().split('curl -X POST ')
    expect(create).toContain('http://127.0.0.1:3001/v1/webhooks ')
    expect(create).toContain('Bearer cfk_owner"')
    expect(bodyOf(create)).toMatchObject({ name: 'My Webhook', url: 'https://127.0.0.1:20001/mine' })
    expect(post).toContain('http://127.0.0.1:3001/v1/events ')
    expect(post).toContain('Bearer cfk_producer"')
    expect(bodyOf(post)).toMatchObject({ account_id: 'acc_local', type: 'context.updated' })
  })

  it('says how to stop, where the logs are, and how to begin anew', () => {
    expect(textOf()).toMatch(/Ctrl-C/)
    expect(textOf()).toMatch(/\.local\/logs/)
    expect(textOf()).toMatch(/--reset/)
  })

  it('promises no verified event where there was no receiver', () => {
    expect(textOf()).toContain('a sample event arrived')
    expect(textOf({ receiver_url: null })).not.toContain('a sample event arrived')
  })
})

function bodyOf(command: string | undefined): unknown {
  return JSON.parse(/-d '([^']+)'/.exec(command ?? '')?.[1] ?? 'null')
}
