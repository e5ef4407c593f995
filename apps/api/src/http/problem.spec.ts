import { BadRequestException, HttpException } from '@nestjs/common'
import { describe, expect, it } from 'vitest'
import { DatabaseUnavailable } from '#postgres'
import { asProblem } from './as-problem.js'
import { Problem, problemDocument } from './problem.js'

describe('problemDocument', () => {
  it('is about:blank where the title says no more than the status', () => {
    const document = problemDocument(
      new Problem(404, 'Not Found', 'No such webhook.'),
      '/v1/webhooks/x',
      'f'.repeat(32),
    )
    expect(document).toEqual({
      type: 'about:blank',
      title: 'Not Found',
      status: 404,
      detail: 'No such webhook.',
      instance: '/v1/webhooks/x',
      trace_id: 'f'.repeat(32),
    })
  })

  it('has a type of its own where the title is one', () => {
    const { type } = problemDocument(new Problem(409, 'Too many webhooks', ''), '/', '')
    expect(type).toBe('urn:contextfile:problem:too-many-webhooks')
  })
})

describe('asProblem', () => {
  it('says nothing of an error that is ours', () => {
    const problem = asProblem(new Error('password authentication failed for user "api" at 10.0.0.7'))
    expect(problem).toMatchObject({ status: 500, title: 'Internal Server Error' })
    expect(JSON.stringify(problemDocument(problem, '/', ''))).not.toMatch(/password|10\.0/)
  })

  it('says nothing of what Nest and Fastify put into theirs', () => {
    expect(asProblem(new BadRequestException('at /srv/app/x.js')).detail).toBe('The request could not be read.')
    expect(asProblem(new HttpException('Payload…', 413))).toMatchObject({ status: 413, title: 'Payload Too Large' })
  })

  it('answers 503 with Retry-After while Postgres is away', () => {
    const problem = asProblem(new DatabaseUnavailable('connect ECONNREFUSED 10.0.0.7'))
    expect(problem).toMatchObject({ status: 503, headers: { 'retry-after': '2' } })
    expect(problem.detail).not.toContain('10.0')
  })

  it('survives what is no error at all', () => {
    expect(asProblem('thrown text').status).toBe(500)
    expect(asProblem(undefined).status).toBe(500)
  })
})
