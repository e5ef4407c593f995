import { type ExecutionContext, createParamDecorator } from '@nestjs/common'

/** Who asks, as the key says. */
export interface CallerIdentity {
  keyId: string
  /** Null for a producer, which may name any account. */
  accountId: string | null
  scopes: ReadonlySet<string>
  isProducer: boolean
}

/** Beside the requests, not in them: nothing that a stranger sends can ever be taken for it. */
const callers = new WeakMap<object, CallerIdentity>()

export function rememberCaller(request: object, caller: CallerIdentity): void {
  callers.set(request, caller)
}

/** @throws when `AuthGuard` has not let this request in: a route without the guard is a defect, not a visitor */
export function callerOf(request: object): CallerIdentity {
  const caller = callers.get(request)
  if (!caller) throw new Error('this route reads the caller, but no AuthGuard stands before it')
  return caller
}

/** For logs, which tell also of those who were not let in. */
export function callerIfAny(request: object): CallerIdentity | undefined {
  return callers.get(request)
}

/** `@Caller() caller: CallerIdentity` in a controller. */
export const Caller = createParamDecorator((_: unknown, context: ExecutionContext) =>
  callerOf(context.switchToHttp().getRequest<object>()),
)

/**
 * `@AccountId() accountId: string` in a controller of an account's own data. Such a route must need one of an account's
 * scopes, which no producer key has: one that gets here is a defect.
 */
export const AccountId = createParamDecorator((_: unknown, context: ExecutionContext) => {
  const { accountId } = callerOf(context.switchToHttp().getRequest<object>())
  if (accountId === null) throw new Error('a key without an account reached a route of an account')
  return accountId
})
