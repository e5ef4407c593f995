import 'reflect-metadata'
import type { ExecutionContext } from '@nestjs/common'
import { Reflector } from '@nestjs/core'
import { describe, expect, it } from 'vitest'
import { Problem } from '../http/problem.js'
import type { ApiKeys } from './api-keys.js'
import { AuthGuard } from './auth.guard.js'
import { type CallerIdentity, callerOf } from './caller.js'
import { RateLimits } from './rate-limits.js'
import { Scopes } from './scopes.js'

const caller: CallerIdentity = {
  keyId: 'key_1',
  accountId: 'acc_1',
  scopes: new Set(['webhooks:read']),
  isProducer: false,
}

const producer: CallerIdentity = { ...caller, keyId: 'key_2', accountId: null, isProducer: true }

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
  const identify = (key: string) => ({ good: caller, producer })[key]
  const identifyNew = (key: string) => Promise.resolve(key === 'new' ? caller : undefined)
  const limits = new RateLimits({ rateLimitPerKey: 3 })
  return new AuthGuard({ isLoaded: true, identify, identifyNew, ...keys } as ApiKeys, limits, new Reflector())
}

function asking(route: { type: object; name: string }, authorization?: string, ip = '192.0.2.1') {
  const request = { ip, headers: authorization === undefined ? {} : { authorization } }
  const headers: Record<string, string> = {}
  const response = { headers: (more: Record<string, string>) => Object.assign(headers, more) }
  const handler = (route.type as { prototype: Record<string, unknown> }).prototype[route.name]
  const context = {
    switchToHttp: () => ({ getRequest: () => request, getResponse: () => response }),
    getHandler: () => handler,
    getClass: () => route.type,
  }
  return { request, headers, context: context as unknown as ExecutionContext }
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

  it('tells a key how much of its rate is left, and refuses what is more', async () => {
    const guard = guardWith()
    const last = [1, 2, 3].map(() => {
      const { headers, context } = asking(list, 'Bearer good')
      expect(guard.canActivate(context)).toBe(true)
      return headers
    })
    expect(last.map(({ ratelimit }) => ratelimit)).toEqual(['"key";r=2;t=1', '"key";r=1;t=1', '"key";r=0;t=1'])
    expect(last[0]!['ratelimit-policy']).toBe('"key";q=3;w=1')

    const problem = await refusal(() => guard.canActivate(asking(list, 'Bearer good').context))

    expect(problem).toMatchObject({ status: 429, headers: { 'retry-after': '1' } })
  })

  it('counts what is refused for its scope, too', async () => {
    const guard = guardWith()
    const statuses: number[] = []
    for (let i = 0; i < 4; i++) {
      statuses.push((await refusal(() => guard.canActivate(asking(create, 'Bearer good').context))).status)
    }
    expect(statuses).toEqual([403, 403, 403, 429])
  })

  it('counts nothing of a producer', () => {
    const guard = guardWith()
    for (let i = 0; i < 10; i++) {
      const { headers, context } = asking(list, 'Bearer producer')
      expect(guard.canActivate(context)).toBe(true)
      expect(headers).toEqual({})
    }
  })

  it.each([undefined, 'Basic good', 'Bearer bad'])(
    'refuses an address that goes on sending %j, but neither its neighbours nor a valid key from there',
    async (header) => {
      const guard = guardWith()
      const statuses: number[] = []
      for (let i = 0; i < 101; i++) {
        statuses.push((await refusal(() => guard.canActivate(asking(list, header).context))).status)
      }
      expect(statuses.slice(0, 100).every((status) => status === 401)).toBe(true)
      expect(statuses[100]).toBe(429)
      expect((await refusal(() => guard.canActivate(asking(list, header, '192.0.2.2').context))).status).toBe(401)
      expect(guard.canActivate(asking(list, 'Bearer good').context)).toBe(true)
    },
  )

  it('does not ask the database for one who has failed too often', async () => {
    let asked = 0
    const guard = guardWith({ identifyNew: () => Promise.resolve(void asked++) } as object)
    for (let i = 0; i < 150; i++) await refusal(() => guard.canActivate(asking(list, 'Bearer bad').context))
    expect(asked).toBe(100)
  })
})
