import type { Socket } from 'node:net'
import { setInterval, setTimeout } from 'node:timers'

/** What a receiver does with a request that it has read. */
export type Answer = (socket: Socket, eventId: string) => void

const okBytes = Buffer.from('HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n')
const failedBytes = Buffer.from('HTTP/1.1 500 Internal Server Error\r\ncontent-length: 0\r\n\r\n')

export const ok = (socket: Socket): void => {
  socket.write(okBytes)
}

export const fail = (socket: Socket): void => {
  socket.write(failedBytes)
}

/** Reads the request and never says a word. */
export const hang: Answer = () => undefined

/** Cuts the connection: the refusal of a receiver that shares its port with others. */
export const reset: Answer = (socket) => {
  socket.destroy()
}

export function after(ms: number): Answer {
  return (socket) => {
    setTimeout(() => isOpen(socket) && ok(socket), ms).unref()
  }
}

/** A status at once and then a byte every 250 ms, so that it never looks idle: idle timers do not catch it. */
export const drip: Answer = (socket) => {
  socket.write('HTTP/1.1 200 OK\r\ncontent-length: 1000\r\n\r\n')
  const timer = setInterval(() => (isOpen(socket) ? void socket.write('.') : clearInterval(timer)), 250)
  timer.unref()
}

/**
 * A receiver that carries `perSecond` and no more: it works on one request after the other, and those that come
 * meanwhile wait for their turn.
 */
export function carrying(perSecond: number): Answer {
  const eachMs = 1000 / perSecond
  const waiting: { socket: Socket; doneAt: number }[] = []
  let lastDoneAt = 0
  const work = (): void => {
    const now = performance.now()
    let done = 0
    while (done < waiting.length && waiting[done]!.doneAt <= now) {
      const { socket } = waiting[done++]!
      if (isOpen(socket)) ok(socket)
    }
    waiting.splice(0, done)
    if (waiting.length > 0) setTimeout(work, Math.max(1, waiting[0]!.doneAt - now)).unref()
  }
  return (socket) => {
    lastDoneAt = Math.max(performance.now(), lastDoneAt) + eachMs
    waiting.push({ socket, doneAt: lastDoneAt })
    if (waiting.length === 1) setTimeout(work, eachMs).unref()
  }
}

function isOpen(socket: Socket): boolean {
  return socket.writable && !socket.destroyed
}
