import { STATUS_CODES } from 'node:http'
import type { OpenAPIObject } from '@nestjs/swagger'

type Operation = NonNullable<NonNullable<OpenAPIObject['paths'][string]>['get']>

const METHODS = ['get', 'post', 'patch', 'delete', 'put'] as const

/** Says of every operation which problems it can answer: they follow from what it takes, so no route repeats them. */
export function addProblemAnswers(document: OpenAPIObject): void {
  for (const path of Object.values(document.paths)) {
    for (const method of METHODS) {
      const operation = path[method]
      if (operation) addTo(operation, method)
    }
  }
}

function addTo(operation: Operation, method: string): void {
  const parameters = (operation.parameters ?? []).map((parameter) => ('in' in parameter ? parameter.in : ''))
  const statuses = [401, 403, 429, 500, 503]
  if (operation.requestBody) statuses.push(400, 413, 415, 422)
  // It takes no body and minds none, but for one of another type.
  if (method === 'delete' || (method === 'post' && !operation.requestBody)) statuses.push(415)
  if (parameters.includes('query')) statuses.push(400, 422)
  if (parameters.includes('path')) statuses.push(404)
  for (const status of statuses) operation.responses[status] ??= { description: STATUS_CODES[status] ?? '' }
  for (const [status, response] of Object.entries(operation.responses)) {
    if (!response || !('description' in response)) continue
    if (Number(status) >= 400) response.content = PROBLEM
    const headers = headersOf(Number(status))
    if (headers) response.headers = { ...response.headers, ...headers }
  }
}

const text = (description: string) => ({ description, schema: { type: 'string' as const } })

const RATE = {
  'RateLimit-Policy': text('The quota `q` of requests per window `w` in seconds; not sent to producers.'),
  RateLimit: text('The requests `r` that are left and the seconds `t` until all are; not sent to producers.'),
}
const RETRY_AFTER = {
  'Retry-After': { description: 'Seconds to wait before trying again.', schema: { type: 'integer' as const } },
}

function headersOf(status: number) {
  if (status === 429) return { ...RATE, ...RETRY_AFTER }
  if (status === 503) return RETRY_AFTER
  return status < 300 ? RATE : undefined
}

const PROBLEM = { 'application/problem+json': { schema: { $ref: '#/components/schemas/Problem' } } }
