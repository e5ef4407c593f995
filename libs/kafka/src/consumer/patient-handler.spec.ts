import { describe, expect, it } from 'vitest'
import { PatientHandler } from './patient-handler.js'
import { RecordBatch } from './record-batch.js'

const silent = { debug: () => undefined, info: () => undefined, warn: () => undefined, error: () => undefined }

function aBatch(state: { isOwned: boolean; isHeld: boolean } = { isOwned: true, isHeld: true }): RecordBatch {
  return new RecordBatch('t', 0, 1, [], 0, {
    complete: () => undefined,
    isOwned: () => state.isOwned,
    isHeld: () => state.isHeld,
    isNamed: () => true,
  })
}

function aHandler(handle: () => void | Promise<void>, onFailed: () => void = () => undefined) {
  return new PatientHandler(handle, onFailed, silent, new AbortController().signal)
}

describe('PatientHandler', () => {
  it('has nothing to wait for when the handler only enqueues', () => {
    expect(aHandler(() => undefined).hand(aBatch())).toBeUndefined()
  })

  it('never rejects, not even when the hook for failures throws', async () => {
    let calls = 0
    const fail = () => {
      throw new Error('hook')
    }
    const handler = aHandler(() => {
      if (++calls < 3) throw new TypeError('handler')
    }, fail)
    await handler.hand(aBatch())
    expect(calls).toBe(3)
  })

  it('stops when the partition is lost', async () => {
    const state = { isOwned: true, isHeld: true }
    let calls = 0
    const handler = aHandler(() => {
      calls++
      state.isOwned = false
      throw new Error('away')
    })
    await handler.hand(aBatch(state))
    expect(calls).toBe(1)
  })

  it('waits, and does not give up, while the broker does not confirm the membership', async () => {
    const state = { isOwned: true, isHeld: false }
    const calls: boolean[] = []
    const handler = aHandler(async () => {
      calls.push(state.isHeld)
      if (calls.length === 1) throw new Error('away')
    })
    const handled = handler.hand(aBatch(state))
    setTimeout(() => (state.isHeld = true), 150)
    await handled
    expect(calls).toEqual([false, true])
  })
})
