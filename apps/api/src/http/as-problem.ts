import { STATUS_CODES } from 'node:http'
import { HttpException } from '@nestjs/common'
import { DatabaseUnavailable } from '#postgres'
import { Problem } from './problem.js'

/** What a stranger may know of an error: of ours only that there was one. */
export function asProblem(error: unknown): Problem {
  if (error instanceof Problem) return error
  if (error instanceof DatabaseUnavailable) return unavailable()
  const status = error instanceof HttpException ? error.getStatus() : 500
  const title = STATUS_CODES[status] ?? 'Error'
  return new Problem(status, title, DETAILS[status] ?? `${title}.`)
}

const DETAILS: Record<number, string> = {
  400: 'The request could not be read.',
  404: 'There is nothing at this path.',
  408: 'The request took too long to arrive.',
  413: 'The body is larger than this route takes.',
  415: 'The body must be sent as application/json.',
  500: 'Something failed on our side. It was logged under this trace_id.',
}

function unavailable(): Problem {
  const detail = 'Configuration and reads are not possible at the moment; events are still accepted.'
  return new Problem(503, 'Service Unavailable', detail, { headers: { 'retry-after': '2' } })
}
