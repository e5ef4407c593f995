import { expect, test } from 'vitest'
import { InboundLimit, type InboundStage, MOST_BYTES, MOST_SESSIONS } from './inbound-limit.js'

const stages: InboundStage[] = ['handshake', 'answer', 'idle']

function aLimit(stage: InboundStage, bytesRead = 0) {
  const tcp = { bytesRead }
  const limit = new InboundLimit(tcp)
  limit.begin(stage)
  return { tcp, limit }
}

function noteSessions(limit: InboundLimit, count: number): void {
  for (let each = 0; each < count; each++) limit.noteSession()
}

test.each(stages)('as many bytes as are allowed pass, and one more is too much (%s)', (stage) => {
  const before = 1_000_000
  const { tcp, limit } = aLimit(stage, before)
  tcp.bytesRead = before + MOST_BYTES[stage]
  expect(limit.excess()).toBeUndefined()
  tcp.bytesRead++
  expect(limit.excess()).toMatchObject({ code: 'EGRESS_TOO_MANY_BYTES', message: expect.stringContaining(stage) })
})

test.each(stages)('as many sessions as are allowed pass, and one more is too much (%s)', (stage) => {
  const { limit } = aLimit(stage)
  noteSessions(limit, MOST_SESSIONS)
  expect(limit.excess()).toBeUndefined()
  limit.noteSession()
  expect(limit.excess()).toMatchObject({ code: 'EGRESS_TOO_MANY_SESSIONS', message: expect.stringContaining(stage) })
})

test('a connection that is used for long is counted anew in each stage', () => {
  const { tcp, limit } = aLimit('handshake')
  for (let request = 0; request < 100; request++) {
    for (const stage of ['answer', 'idle'] as const) {
      limit.begin(stage)
      tcp.bytesRead += MOST_BYTES[stage]
      noteSessions(limit, MOST_SESSIONS)
      expect(limit.excess()).toBeUndefined()
    }
  }
})
