import { describe, expect, it } from 'vitest'
import { forgetHalfAnswers, leaveSilentBrokers } from './begin-afresh.js'

/** kafkajs' connection as far as it goes here; each socket remembers whether it was destroyed. */
function aConnection() {
  const sockets: { isDestroyed: boolean }[] = []
  const waiting: (() => void)[] = []
  class Stock {
    bytesBuffered = 0
    bytesNeeded = 0
    chunks: Buffer[] = []
    socket?: never
    isOpen = false
    isConnected(): boolean {
      return this.isOpen
    }
    connect(): Promise<boolean> {
      if (this.isOpen) return Promise.resolve(true)
      const socket = {
        isDestroyed: false,
        destroy: (): void => {
          socket.isDestroyed = true
        },
      }
      sockets.push(socket)
      this.socket = socket as never
      return new Promise((resolve) =>
        waiting.push(() => {
          this.isOpen = true
          resolve(true)
        }),
      )
    }
  }
  forgetHalfAnswers(Stock)
  const open = () => waiting.shift()?.()
  return { connection: new Stock(), sockets, open }
}

describe('a connection that is not open', () => {
  it('gets one socket, however many wait for it', async () => {
    const { connection, sockets, open } = aConnection()
    const both = [connection.connect(), connection.connect()]
    open()
    expect(await Promise.all(both)).toEqual([true, true])
    expect(sockets).toHaveLength(1)
  })

  it('hears nothing more of its former socket, and begins with the first byte of an answer', async () => {
    const { connection, sockets, open } = aConnection()
    const first = connection.connect()
    open()
    await first
    connection.isOpen = false
    connection.bytesBuffered = 7
    const second = connection.connect()
    open()
    await second
    expect(sockets.map(({ isDestroyed }) => isDestroyed)).toEqual([true, false])
    expect(connection).toMatchObject({ bytesBuffered: 0, bytesNeeded: 4, chunks: [] })
  })
})

describe('a broker that takes a connection', () => {
  class ConnectionError extends Error {}

  /** kafkajs' broker as far as it goes here: its connecting fails. */
  async function connecting(errorName: string, versions: object | null) {
    const failure = Object.assign(new Error('failed'), { name: errorName })
    class Stock {
      versions = versions
      isLeft = false
      connect(): Promise<void> {
        return Promise.reject(failure)
      }
      async disconnect(): Promise<void> {
        this.isLeft = true
      }
    }
    leaveSilentBrokers(Stock, ConnectionError)
    const broker = new Stock()
    const told: unknown = await broker.connect().catch((error: unknown) => error)
    return { isLeft: broker.isLeft, isToldAsLost: told instanceof ConnectionError, isItself: told === failure }
  }

  it.each([null, {}])('and is silent is left, and told as lost, known before or not: %o', async (versions) => {
    const outcome = await connecting('KafkaJSRequestTimeoutError', versions)
    expect(outcome).toEqual({ isLeft: true, isToldAsLost: true, isItself: false })
  })

  it('and refuses us is left as long as nothing is known of it', async () => {
    const refused = 'KafkaJSSASLAuthenticationError'
    expect(await connecting(refused, null)).toEqual({ isLeft: true, isToldAsLost: false, isItself: true })
    expect(await connecting(refused, {})).toEqual({ isLeft: false, isToldAsLost: false, isItself: true })
  })

  it('is not left by whoever waits for another to connect', async () => {
    expect(await connecting('KafkaJSLockTimeout', null)).toEqual({ isLeft: false, isToldAsLost: false, isItself: true })
  })
})
