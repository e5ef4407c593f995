import 'reflect-metadata'
import type { ExecutionContext } from '@nestjs/common'
import { Reflector } from '@nestjs/core'
import { describe, expect, it } from 'vitest'
import { Problem } from '../http/problem.js'
import type { ApiKeys } from './api-keys.js'
import { AuthGuard } from './auth.guard.js'
import { type CallerIdentity, callerOf } from './caller.js'
import { Scopes } from './scopes.js'

const caller: CallerIdentity = {
  keyId: 'key_1',
  accountId: 'acc_1',
  scopes: new Set(['webhooks:read']),
  isProducer: false,
}

@Scopes('webhooks:read')
class Controller {
  list() {}

  @Scopes('webhooks:write')
  create() {}
}

class OpenController {
  me() {}
}

function guardWith(keys: { isLoaded?: boolean } = {}): AuthGuard {
  const identify = (key: string) => (key === 'good' ? caller : undefined)
  const identifyNew = (key: string) => Promise.resolve(key === 'new' ? caller : undefined)
  return new AuthGuard({ isLoaded: true, identify, identifyNew, ...keys } as ApiKeys, new Reflector())
}

function asking(route: { type: object; name: string }, authorization?: string) {
  const request = { headers: authorization === undefined ? {} : { authorization } }
  const handler = (route.type as { prototype: Record<string, unknown> }).prototype[route.name]
  const context = {
    switchToHttp: () => ({ getRequest: () => request }),
    getHandler: () => handler,
    getClass: () => route.type,
  }
  return { request, context: context as unknown as ExecutionContext }
}

async function refusal(check: () => unknown): Promise<Problem> {
  try {
    await check()
  } catch (error) {
    if (error instanceof Problem) return error
    throw error
  }
  throw new Error('it was let in')
}

const list = { type: Controller, name: 'list' }
const create = { type: Controller, name: 'create' }
const me = { type: OpenController, name: 'me' }

describe('the guard of every route', () => {
  it('lets in who has the scope, and tells the route who it is', () => {
    const { request, context } = asking(list, 'Bearer good')

    expect(guardWith().canActivate(context)).toBe(true)
    expect(callerOf(request)).toBe(caller)
  })

  it('lets any valid key into a route that names no scope, and nobody without one', async () => {
    expect(guardWith().canActivate(asking(me, 'bearer good').context)).toBe(true)
    expect((await refusal(() => guardWith().canActivate(asking(me).context))).status).toBe(401)
  })

  it('asks once more about a key that it does not know: it may have been made a moment ago', async () => {
    const { request, context } = asking(list, 'Bearer new')

    expect(await guardWith().canActivate(context)).toBe(true)
    expect(callerOf(request)).toBe(caller)
  })

  it.each([undefined, '', 'good', 'Basic good', 'Bearer', 'Bearer good extra', 'Bearer bad'])(
    'answers 401, and how to ask, to the header %j',
    async (header) => {
      const problem = await refusal(() => guardWith().canActivate(asking(list, header).context))

      expect(problem.status).toBe(401)
      expect(problem.headers['www-authenticate']).toMatch(/^Bearer/)
    },
  )

  it('answers 403 and names the scope that is missing; the method’s own scopes win over the class’s', async () => {
    const problem = await refusal(() => guardWith().canActivate(asking(create, 'Bearer good').context))

    expect(problem).toMatchObject({ status: 403, detail: 'The API key lacks the scope webhooks:write.' })
  })

  it('answers 503 while nobody can be told right from wrong', async () => {
    const problem = await refusal(() => guardWith({ isLoaded: false }).canActivate(asking(list, 'Bearer good').context))

    expect(problem.status).toBe(503)
    expect(problem.headers['retry-after']).toBeDefined()
  })

  it('leaves a request that it did not let in without a caller', async () => {
    const { request, context } = asking(create, 'Bearer good')
    await refusal(() => guardWith().canActivate(context))

    expect(() => callerOf(request)).toThrow('no AuthGuard')
  })
})
