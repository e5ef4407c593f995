import { type CanActivate, type ExecutionContext, Injectable } from '@nestjs/common'
import { Reflector } from '@nestjs/core'
import { Problem } from '../http/problem.js'
import { ApiKeys } from './api-keys.js'
import { type CallerIdentity, rememberCaller } from './caller.js'
import { SCOPES_METADATA, type Scope } from './scopes.js'

/** Stands before every route: lets in who has a valid key with the scopes that the route names. */
@Injectable()
export class AuthGuard implements CanActivate {
  constructor(
    private readonly keys: ApiKeys,
    private readonly reflector: Reflector,
  ) {}

  /** @throws {Problem} 401, 403, or 503 while no keys could be loaded yet */
  canActivate(context: ExecutionContext): boolean | Promise<boolean> {
    const request = context.switchToHttp().getRequest<{ headers: { authorization?: string } }>()
    const key = keyOf(request.headers.authorization)
    if (!this.keys.isLoaded) throw notReady()
    const caller = this.keys.identify(key)
    if (caller) return this.#admit(context, request, caller)
    return this.keys.identifyNew(key).then((found) => this.#admit(context, request, found))
  }

  #admit(context: ExecutionContext, request: object, caller: CallerIdentity | undefined): boolean {
    // The same words for malformed, unknown and revoked: a guesser learns nothing.
    if (!caller) throw unauthorized('The API key is not valid.')
    const needed = this.reflector.getAllAndOverride<Scope[] | undefined>(SCOPES_METADATA, [
      context.getHandler(),
      context.getClass(),
    ])
    const missing = needed?.filter((scope) => !caller.scopes.has(scope)) ?? []
    if (missing.length > 0) throw forbidden(missing)
    rememberCaller(request, caller)
    return true
  }
}

function keyOf(authorization: string | undefined): string {
  if (authorization === undefined) throw unauthorized('Send your API key as "Authorization: Bearer cfk_…".')
  const [, key] = /^Bearer +([^ ]+) *$/i.exec(authorization) ?? []
  if (key === undefined) throw unauthorized('The Authorization header is not of the form "Bearer cfk_…".')
  return key
}

function unauthorized(detail: string): Problem {
  return new Problem(401, 'Unauthorized', detail, { headers: { 'www-authenticate': 'Bearer realm="ContextFile"' } })
}

function forbidden(missing: Scope[]): Problem {
  return new Problem(403, 'Forbidden', `The API key lacks the scope ${missing.join(' and ')}.`)
}

function notReady(): Problem {
  return new Problem(503, 'Service Unavailable', 'API keys cannot be checked yet. Try again soon.', {
    headers: { 'retry-after': '2' },
  })
}
