import { connect } from 'node:net'

/**
 * Connects to a local port, sends bytes, and gives back the first bytes of the answer (at least `wanted`), or undefined
 * when nobody listens, the connection ends first, or a second passes. For asking servers whether they are ready.
 */
export function exchangeBytes(port: number, request: Buffer, wanted: number): Promise<Buffer | undefined> {
  return new Promise((resolve) => {
    let answer = Buffer.alloc(0)
    const socket = connect({ port, host: '127.0.0.1' })
    const finish = (result: Buffer | undefined): void => {
      socket.destroy()
      resolve(result)
    }
    socket.setTimeout(1000, () => finish(undefined))
    socket.on('error', () => finish(undefined))
    socket.on('close', () => finish(undefined))
    socket.on('connect', () => socket.write(request))
    socket.on('data', (chunk: Buffer) => {
      answer = Buffer.concat([answer, chunk])
      if (answer.length >= wanted) finish(answer)
    })
  })
}
