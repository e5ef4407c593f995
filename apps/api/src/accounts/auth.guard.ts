import { type CanActivate, type ExecutionContext, Injectable } from '@nestjs/common'
import { Reflector } from '@nestjs/core'
import type { FastifyReply, FastifyRequest } from 'fastify'
import { Problem } from '../http/problem.js'
import { ApiKeys } from './api-keys.js'
import { type CallerIdentity, rememberCaller } from './caller.js'
import { rateLimitHeaders } from './rate-limit-headers.js'
import { type LimitedRequest, RateLimits } from './rate-limits.js'
import { SCOPES_METADATA, type Scope } from './scopes.js'

/** Stands before every route: lets in who has a valid key with the scopes that the route names, at its rate. */
@Injectable()
export class AuthGuard implements CanActivate {
  constructor(
    private readonly keys: ApiKeys,
    private readonly limits: RateLimits,
    private readonly reflector: Reflector,
  ) {}

  /** @throws {Problem} 401, 403, 429, or 503 while no keys could be loaded yet */
  canActivate(context: ExecutionContext): boolean | Promise<boolean> {
    const request = context.switchToHttp().getRequest<FastifyRequest>()
    const sent = keyIn(request.headers.authorization)
    if ('missing' in sent) {
      this.#countFailure(context, request)
      throw unauthorized(sent.missing)
    }
    if (!this.keys.isLoaded) throw notReady()
    const caller = this.keys.identify(sent.key)
    if (caller) return this.#admit(context, request, caller)
    // Counted before the database is asked, which may know a key that was made a moment ago. A valid key is never held
    // back by it: strangers who share an address with a customer cannot lock it out.
    this.#countFailure(context, request)
    return this.keys.identifyNew(sent.key).then((found) => {
      // The same words for malformed, unknown and revoked: a guesser learns nothing.
      if (!found) throw unauthorized('The API key is not valid.')
      return this.#admit(context, request, found)
    })
  }

  #admit(context: ExecutionContext, request: FastifyRequest, caller: CallerIdentity): boolean {
    if (!caller.isProducer) assertAllowed(context, this.limits.ofKey(caller.keyId))
    const needed = this.reflector.getAllAndOverride<Scope[] | undefined>(SCOPES_METADATA, [
      context.getHandler(),
      context.getClass(),
    ])
    const missing = needed?.filter((scope) => !caller.scopes.has(scope)) ?? []
    if (missing.length > 0) throw forbidden(missing)
    rememberCaller(request, caller)
    return true
  }

  #countFailure(context: ExecutionContext, request: FastifyRequest): void {
    assertAllowed(context, this.limits.ofFailure(request.ip))
  }
}

function assertAllowed(context: ExecutionContext, limited: LimitedRequest): void {
  void context.switchToHttp().getResponse<FastifyReply>().headers(rateLimitHeaders(limited))
  if (!limited.verdict.isAllowed) throw tooMany(limited)
}

function keyIn(authorization: string | undefined): { key: string } | { missing: string } {
  if (authorization === undefined) return { missing: 'Send your API key as "Authorization: Bearer cfk_…".' }
  const [, key] = /^Bearer +([^ ]+) *$/i.exec(authorization) ?? []
  return key === undefined ? { missing: 'The Authorization header is not of the form "Bearer cfk_…".' } : { key }
}

function unauthorized(detail: string): Problem {
  return new Problem(401, 'Unauthorized', detail, { headers: { 'www-authenticate': 'Bearer realm="ContextFile"' } })
}

function forbidden(missing: Scope[]): Problem {
  return new Problem(403, 'Forbidden', `The API key lacks the scope ${missing.join(' and ')}.`)
}

function tooMany({ policy: { name, quota, windowSeconds }, verdict }: LimitedRequest): Problem {
  const window = windowSeconds === 1 ? 'second' : `${windowSeconds} seconds`
  const who = name === 'key' ? 'this API key' : 'this address without a valid API key'
  const detail = `More than ${quota} requests in a ${window} came from ${who}: slow down, and try again after Retry-After.`
  return new Problem(429, 'Too Many Requests', detail, {
    headers: { 'retry-after': String(verdict.retryAfterSeconds) },
  })
}

function notReady(): Problem {
  return new Problem(503, 'Service Unavailable', 'API keys cannot be checked yet. Try again soon.', {
    headers: { 'retry-after': '2' },
  })
}
