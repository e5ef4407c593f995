import type { Socket } from 'node:net'
import type { ServerResponse } from 'node:http'
import { type CallHandler, type ExecutionContext, Injectable, type NestInterceptor } from '@nestjs/common'
import type { FastifyReply, FastifyRequest } from 'fastify'
import { type Observable, finalize } from 'rxjs'
import { callerOf } from '../accounts/caller.js'
import { tooManyAtOnce } from '../http/too-many-at-once.js'
import { Turns } from '../http/turns.js'

/**
 * Of one account, per replica. Each may hold an answer of a megabyte, or three of large events, until its client has read
 * it. A browser opens six connections to us, so that a page that loads everything at once stays below.
 */
export const MOST_READS_AT_ONCE = 8
/** Behind them, and nothing is read for them yet: a script that asks for a page of deliveries one by one and all at once. */
export const MOST_READS_WAITING = 100
/** No turn comes while a client does not read its answers. Ms. */
const TURN_WITHIN_MS = 5_000

/**
 * Bounds how many answers out of the logs an account has under way, on all routes of the module together. The next ones
 * wait for their turn.
 */
@Injectable()
export class LogReadTurns implements NestInterceptor {
  readonly #turns = new Turns({ underWay: MOST_READS_AT_ONCE, waiting: MOST_READS_WAITING })

  /** @throws {Problem} 429 */
  async intercept(context: ExecutionContext, handler: CallHandler): Promise<Observable<unknown>> {
    const http = context.switchToHttp()
    const { raw } = http.getRequest<FastifyRequest>()
    // A producer's key has none, and not the scope for a log either.
    const accountId = callerOf(http.getRequest<object>()).accountId ?? ''
    const end = await this.#turns.takeWithin(accountId, TURN_WITHIN_MS)
    if (end === 'full' || end === 'late') throw tooManyAtOnce(TOO_MANY)
    const answered = answerIsOut(http.getResponse<FastifyReply>().raw, raw.socket)
    // Of a client that has gone, the work is still under way.
    return handler.handle().pipe(finalize(() => void answered.then(end)))
  }
}

const TOO_MANY =
  `The account has ${MOST_READS_AT_ONCE} requests for events or deliveries under way, which is the most, and others wait: ` +
  'read the answers to their ends, and ask again.'

/** Settles when nothing is left to be sent. An answer behind others on its connection is told nothing when that is closed. */
function answerIsOut(response: ServerResponse, socket: Socket): Promise<void> {
  if (socket.destroyed) return Promise.resolve()
  return new Promise((resolve) => {
    const onClose = () => {
      response.off('close', onClose)
      socket.off('close', onClose)
      resolve()
    }
    response.on('close', onClose)
    // One for each request that was sent without waiting for the answers before it: Node would warn of eight.
    socket.setMaxListeners(0)
    socket.on('close', onClose)
  })
}
