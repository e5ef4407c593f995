import type { Colours } from './console.js'
import type { StackFile } from './stack-file.js'

export interface SummaryFacts {
  stack: StackFile
  elapsed: string
  /** Where a webhook made by hand may point: something that answers, else a place to put one's own. */
  webhookUrl: string
}

/** What a newcomer needs, each `curl` ready to paste. */
export function summary({ stack, elapsed, webhookUrl }: SummaryFacts, { bold, dim }: Colours): string {
  const rows: [string, string][] = [
    ['API', stack.api_url],
    ['Documentation', `${stack.api_url}/docs   ${dim('OpenAPI:')} ${stack.api_url}/openapi.json`],
    ['Account', stack.account_id],
    ['API key', stack.api_key],
    ['Producer key', stack.producer_key],
    ...(stack.receiver_url
      ? [['Receiver', `${stack.receiver_url}   ${dim('its deliveries follow below')}`] as const]
      : []),
    ...Object.entries(stack.management).map(([name, url]) => [`Metrics, ${name}`, `${url}/metrics`] as const),
    ['Kafka', stack.kafka_brokers],
    ['Postgres', stack.database_url],
    ['Logs', '.local/logs/*.log'],
    ['Mail', '.local/mail/*.eml'],
    ['For scripts', '.local/stack.json'],
  ].map(([name = '', value = '']) => [name, value])
  const ready = stack.receiver_url ? 'a sample event arrived, its signature is right' : 'no sample receiver'

  return [
    '',
    `${bold('Ready')} after ${elapsed}: ${ready}.`,
    '',
    ...rows.map(([name, value]) => `  ${dim(name.padEnd(20))} ${value}`),
    '',
    bold('Create a webhook'),
    ...curl(`${stack.api_url}/v1/webhooks`, stack.api_key, {
      name: 'My Webhook',
      url: webhookUrl,
      events: ['context.created', 'context.updated'],
    }),
    '',
    bold('Post an event'),
    ...curl(`${stack.api_url}/v1/events`, stack.producer_key, {
      account_id: stack.account_id,
      type: 'context.updated',
      context: sampleContext,
    }),
    '',
    `Stop with ${bold('Ctrl-C')}. The data stays in .local; ${bold('npm start -- --reset')} begins anew.`,
    '',
  ].join('\n')
}

/** The guide's own example. */
export const sampleContext = {
  id: '550e8400-e29b-41d4-a716-446655440000',
  name: 'My AI Assistant',
  slug: 'my-ai-assistant',
  updated_at: '2024-01-15T14:45:00Z',
}

function curl(url: string, key: string, body: unknown): string[] {
  return [
    `  curl -X POST ${url} \\`,
    `    -H "Authorization: Bearer ${key}" \\`,
    '    -H "Content-Type: application/json" \\',
    `    -d '${JSON.stringify(body)}'`,
  ]
}
