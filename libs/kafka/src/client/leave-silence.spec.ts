import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { isSilent, leaveSilence, noticeSilence } from './leave-silence.js'

const REQUEST_MS = 10_000
const JOIN_MS = 20_000

function sentAt(at: number, requestTimeout = REQUEST_MS) {
  return { sentAt: at, requestTimeout, timeoutRequest: (): void => undefined }
}

describe('a connection', () => {
  it('is silent when its oldest request waits for longer than it may', () => {
    expect(isSilent([sentAt(0), sentAt(9_000)], REQUEST_MS + 1)).toBe(true)
    expect(isSilent([sentAt(0)], REQUEST_MS)).toBe(false)
    expect(isSilent([], REQUEST_MS)).toBe(false)
  })

  it('is not silent when a request waits behind one to join, which may take longer', () => {
    const waiting = [sentAt(0, JOIN_MS), sentAt(1_000)]
    expect(isSilent(waiting, 1_000 + REQUEST_MS + 1)).toBe(false)
    expect(isSilent(waiting, JOIN_MS + 1)).toBe(true)
  })
})

describe('of a broker that is silent', () => {
  beforeEach(() => void vi.useFakeTimers())
  afterEach(() => void vi.useRealTimers())

  class StockQueue {
    requests: ReturnType<typeof sentAt>[] = []
    readonly inflight = { values: () => [...this.requests] }
    readonly enforceRequestTimeout = true
    readonly requestTimeout = REQUEST_MS
    requestTimeoutIntervalId: NodeJS.Timeout | undefined
    isConnected = () => true
    scheduleRequestTimeoutCheck(): void {}
    destroy(): void {
      clearInterval(this.requestTimeoutIntervalId)
    }
  }
  const Queue = noticeSilence(StockQueue)

  /** One of its connections, as far as it goes here. */
  function aConnection(isOpen = true) {
    const queue = new Queue({}) as InstanceType<typeof Queue> & StockQueue
    const told: string[] = []
    const connection = {
      host: 'kafka',
      port: 9092,
      connectionStatus: isOpen ? 'connected' : 'disconnected',
      authenticatedAt: null,
      authHandlers: null,
      socket: { destroy: () => void told.push('destroyed') },
      requestQueue: queue,
      isConnected: (): boolean => connection.connectionStatus === 'connected',
      rejectRequests: ({ message }: Error) => void told.push(message),
      logError: (message: string) => void told.push(message),
    }
    queue.isConnected = () => connection.isConnected()
    queue.scheduleRequestTimeoutCheck()
    return { connection, queue, told }
  }

  class ConnectionError extends Error {
    constructor(message: string, { broker }: { broker: string }) {
      super(`${message} (${broker})`)
    }
  }

  function aPool(...connections: object[]) {
    const Pool = leaveSilence(
      class {
        pool = connections as never[]
      },
      ConnectionError,
    )
    return new Pool({} as never)
  }

  it('every open connection is left, what waits fails, and each late request is given up for itself', () => {
    const [silent, other, closed] = [aConnection(), aConnection(), aConnection(false)]
    aPool(silent.connection, other.connection, closed.connection)
    const late = { ...sentAt(Date.now()), timeoutRequest: () => void silent.told.push('given up') }
    silent.queue.requests.push(late, sentAt(Date.now() + 1_000))
    vi.advanceTimersByTime(REQUEST_MS)
    expect([silent.told, other.told]).toEqual([[], []])

    vi.advanceTimersByTime(200)

    const left = ['destroyed', 'silent for longer than a request may take (kafka:9092)']
    expect(silent.told).toEqual(['given up', 'silent for longer than a request may take: connecting anew', ...left])
    expect([other.told, closed.told]).toEqual([left, []])
    expect(silent.connection.isConnected() || other.connection.isConnected()).toBe(false)
    expect(vi.getTimerCount()).toBe(0)
  })

  it('a request that was late behind one to join is given up, and no connection is left', () => {
    const { connection, queue, told } = aConnection()
    aPool(connection)
    const giveUp = () => {
      queue.requests.pop()
      told.push('given up')
    }
    queue.requests.push(sentAt(Date.now(), JOIN_MS), { ...sentAt(Date.now()), timeoutRequest: giveUp })
    vi.advanceTimersByTime(REQUEST_MS + 200)
    expect(told).toEqual(['given up'])
    expect(connection.isConnected()).toBe(true)
  })
})
