import 'reflect-metadata'
import { EventEmitter } from 'node:events'
import type { CallHandler, ExecutionContext } from '@nestjs/common'
import { type Observable, ReplaySubject, lastValueFrom } from 'rxjs'
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { rememberCaller } from '../accounts/caller.js'
import { Problem } from '../http/problem.js'
import { LogReadTurns } from './log-read-turns.js'

let turns: LogReadTurns
beforeEach(() => {
  turns = new LogReadTurns()
})
afterEach(() => {
  vi.useRealTimers()
})

/** A connection, the answer that is to go out on it, and the work on that. */
function aRead(accountId = 'acc_1', socket = Object.assign(new EventEmitter(), { destroyed: false })) {
  const raw = new EventEmitter()
  const request = { raw: { socket } }
  rememberCaller(request, { keyId: 'key_1', accountId, scopes: new Set(), isProducer: false })
  const context = {
    switchToHttp: () => ({ getRequest: () => request, getResponse: () => ({ raw }) }),
  } as unknown as ExecutionContext
  const work = new ReplaySubject<string>()
  let hasBegun = false
  const handler: CallHandler = {
    handle: () => {
      hasBegun = true
      return work
    },
  }
  const done = turns.intercept(context, handler).then((answer: Observable<unknown>) => lastValueFrom(answer))
  const refused = done.then(
    () => null,
    (error: unknown) => error,
  )
  return {
    socket,
    refused,
    hasBegun: () => hasBegun,
    finishWork: async () => {
      work.next('answer')
      work.complete()
      await done
    },
    failWork: async () => {
      work.error(new Error('away'))
      await expect(done).rejects.toThrow('away')
    },
    answerIsOut: () => raw.emit('close'),
    hangUp: () => {
      socket.destroyed = true
      socket.emit('close')
    },
  }
}

const settled = () => new Promise((resolve) => setImmediate(resolve))

/** Asks for one more and lets it end, as soon as it has begun. */
async function isAdmitted(accountId?: string): Promise<boolean> {
  const read = aRead(accountId)
  await settled()
  const admitted = read.hasBegun()
  read.hangUp()
  read.finishWork().catch(() => undefined)
  await settled()
  return admitted
}

async function eightReads(socket?: ReturnType<typeof aRead>['socket']) {
  const reads = Array.from({ length: 8 }, () => aRead('acc_1', socket))
  await settled()
  return reads
}

describe('reads of the log', () => {
  it('beyond eight of an account wait for their turn, and those of others do not', async () => {
    const [first] = await eightReads()
    const ninth = aRead()
    await settled()
    expect(ninth.hasBegun()).toBe(false)
    expect(await isAdmitted('acc_2')).toBe(true)
    await first!.finishWork()
    first!.answerIsOut()
    await settled()
    expect(ninth.hasBegun()).toBe(true)
  })

  it('beyond a hundred that wait are refused with what to do', async () => {
    await eightReads()
    for (let i = 0; i < 100; i++) aRead()
    const problem = await aRead().refused
    expect(problem).toBeInstanceOf(Problem)
    expect(problem).toMatchObject({ status: 429, title: 'Too many at once', headers: { 'retry-after': '1' } })
    expect((problem as Problem).detail).toContain('read')
  })

  it('whose turn does not come are refused, and take it from nobody when it comes after all', async () => {
    vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] })
    const [first] = await eightReads()
    const ninth = aRead()
    vi.advanceTimersByTime(5_000)
    expect(await ninth.refused).toMatchObject({ status: 429 })
    await first!.finishWork()
    first!.answerIsOut()
    await settled()
    expect(ninth.hasBegun()).toBe(false)
    expect(await isAdmitted()).toBe(true)
  })

  it('are under way until the answer is out, however long its reader takes', async () => {
    const [first] = await eightReads()
    await first!.finishWork()
    expect(await isAdmitted()).toBe(false)
    first!.answerIsOut()
    await settled()
    expect(await isAdmitted()).toBe(true)
  })

  it('are under way until their work is done, also when nobody waits for it any more', async () => {
    const [first, second] = await eightReads()
    first!.hangUp()
    second!.hangUp()
    await settled()
    expect(await isAdmitted()).toBe(false)
    await first!.finishWork()
    await settled()
    expect(await isAdmitted()).toBe(true)
    await second!.failWork()
    await settled()
    expect(await isAdmitted()).toBe(true)
  })

  it('end with their connection, also those whose answer had not got its turn on it', async () => {
    const reads = await eightReads(Object.assign(new EventEmitter(), { destroyed: false }))
    reads[0]!.hangUp()
    for (const read of reads) await read.finishWork()
    await settled()
    await eightReads()
    expect(await isAdmitted()).toBe(false)
  })

  it('leave nothing at a connection that lives on', async () => {
    const read = aRead()
    await settled()
    await read.finishWork()
    read.answerIsOut()
    await settled()
    expect(read.socket.listenerCount('close')).toBe(0)
  })

  it('whose connection was closed before they came are over with their work', async () => {
    for (let i = 0; i < 8; i++) {
      const read = aRead('acc_1', Object.assign(new EventEmitter(), { destroyed: true }))
      await settled()
      await read.finishWork()
    }
    await settled()
    expect(await isAdmitted()).toBe(true)
  })
})
