import { exchangeBytes } from './socket-exchange.js'

const protocol3 = 196_608

/**
 * Whether Postgres lets users in: it asks them to authenticate ('R'). While it starts or recovers the port is open, but
 * the answer is an error ('E').
 */
export async function isPostgresReady(port: number): Promise<boolean> {
  const answer = await exchangeBytes(port, startupMessage(), 1)
  return answer?.toString('latin1', 0, 1) === 'R'
}

function startupMessage(): Buffer {
  const parameters = Buffer.from('user\0postgres\0database\0postgres\0\0')
  const head = Buffer.alloc(8)
  head.writeInt32BE(head.length + parameters.length, 0)
  head.writeInt32BE(protocol3, 4)
  return Buffer.concat([head, parameters])
}
