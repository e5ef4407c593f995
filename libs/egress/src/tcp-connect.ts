import { connect, type Socket } from 'node:net'
import type { Deadline } from './deadline-sweep.js'
import { isMissingNetwork } from './missing-network.js'
import { type StageOutcome, stoppedByDeadline, stoppedByError } from './stage-outcome.js'

// A silent address keeps its chance while the next one begins beside it (RFC 8305): a receiver that is slow to accept
// is still reached, and one dead address of several costs a quarter of a second, not the attempt.
const NEXT_ADDRESS_AFTER_MS = 250
const MOST_ADDRESSES = 6

/** Opens a TCP connection to the first of the addresses that accepts. All of them must have been checked before. */
export function connectTcp(
  addresses: readonly string[],
  port: number,
  deadline: Deadline,
): Promise<StageOutcome<Socket>> {
  return new Promise((resolve) => {
    const waiting = addresses.slice(0, MOST_ADDRESSES)
    const sockets = new Set<Socket>()
    const errors: Error[] = []
    let patience: NodeJS.Timeout | undefined

    const finish = (outcome: StageOutcome<Socket>) => {
      clearTimeout(patience)
      sockets.forEach((socket) => socket.destroy())
      sockets.clear()
      resolve(outcome)
    }
    const next = () => {
      clearTimeout(patience)
      const address = waiting.shift()
      if (address === undefined) {
        if (sockets.size === 0) finish(stoppedByError('connect', worstError(errors)))
        return
      }
      const socket = open(address, port)
      sockets.add(socket)
      // The listener stays: a socket without one would end the process when its error comes late.
      socket.on('error', (error) => {
        if (!sockets.delete(socket)) return
        errors.push(error)
        next()
      })
      socket.once('connect', () => {
        sockets.delete(socket)
        finish({ ok: true, value: socket })
      })
      if (waiting.length > 0) patience = setTimeout(next, NEXT_ADDRESS_AFTER_MS)
    }
    next()
    deadline.onPassed(() => finish(stoppedByDeadline('connect')))
  })
}

function open(host: string, port: number): Socket {
  return connect({ host, port, noDelay: true, keepAlive: true, keepAliveInitialDelay: 30_000, autoSelectFamily: false })
}

// A missing network is often only the IPv6 that this machine does not have, so any other error says more about the host.
function worstError(errors: readonly Error[]): Error {
  return errors.find((error) => !isMissingNetwork(error)) ?? errors[0] ?? new Error('no address to connect to')
}
