import type { Socket } from 'node:net'
import { gzipSync } from 'node:zlib'
import { anAnswer } from './raw-receiver.js'

type Misbehaviour = (socket: Socket) => void

// Far below any idle timer, and seldom enough that a hundred such connections leave a test machine its time.
const DRIP_EVERY_MS = 50

/** Writes a little now and then, as long as the connection lives. */
function drip(socket: Socket, text: (count: number) => string): void {
  let count = 0
  const timer = setInterval(() => {
    if (socket.destroyed) clearInterval(timer)
    else socket.write(text(count++))
  }, DRIP_EVERY_MS)
}

/** Writes without end, as fast as it is read. */
function flood(socket: Socket, text: string): void {
  const pump = () => {
    while (!socket.destroyed && socket.write(text));
    if (!socket.destroyed) socket.once('drain', pump)
  }
  pump()
}

/** For a connection before TLS: bytes of a handshake record that announces 16 kB and never ends. */
export const dripTlsRecord: Misbehaviour = (socket) =>
  drip(socket, (count) => (count === 0 ? '\x16\x03\x03\x40\x00' : '\x02'))

/** For a connection before TLS: wishes for a handshake, which a client passes over while it is in one. */
export const floodHelloRequests: Misbehaviour = (socket) => flood(socket, '\x16\x03\x03\x40\x00' + '\0'.repeat(0x4000))

export const dripHeaders: Misbehaviour = (socket) =>
  drip(socket, (count) => (count === 0 ? 'HTTP/1.1 200 OK\r\n' : `X-${count}: y\r\n`))

export const dripStatusLine: Misbehaviour = (socket) =>
  drip(socket, (count) => 'HTTP/1.1 200 ' + 'O'.repeat(count === 0 ? 0 : 1))

export const floodHeaders: Misbehaviour = (socket) => {
  socket.write('HTTP/1.1 200 OK\r\n')
  flood(socket, 'X-Header: and another one\r\n'.repeat(40))
}

export const floodLeadingCrlf: Misbehaviour = (socket) => flood(socket, '\r\n'.repeat(1_000))

export const floodReason: Misbehaviour = (socket) => {
  socket.write('HTTP/1.1 200 ')
  flood(socket, 'O'.repeat(1_000))
}

const HINTS = 'HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n'

/** Announces an answer that never comes. */
export const drip103: Misbehaviour = (socket) => drip(socket, (count) => (count % 10 === 0 ? HINTS : ''))

export const flood103: Misbehaviour = (socket) => flood(socket, HINTS.repeat(20))

export const headersWithoutBody: Misbehaviour = (socket) => socket.write(anAnswer('', 200, { 'Content-Length': '10' }))

export const dripBody: Misbehaviour = (socket) => {
  socket.write(anAnswer('', 200, { 'Content-Length': '10000' }))
  drip(socket, () => 'x')
}

export const dripChunks: Misbehaviour = (socket) => drip(socket, (count) => (count === 0 ? CHUNKED : '1\r\nx\r\n'))

export const dripChunkExtension: Misbehaviour = (socket) =>
  drip(socket, (count) => (count === 0 ? `${CHUNKED}1;` : 'x'))

export const floodChunkExtension: Misbehaviour = (socket) => {
  socket.write(`${CHUNKED}1;`)
  flood(socket, 'x'.repeat(1_000))
}

export const floodChunkSize: Misbehaviour = (socket) => {
  socket.write(CHUNKED)
  flood(socket, '0'.repeat(1_000))
}

/** Answers as one should, and then goes on, although nothing is asked. */
export const floodWhileIdle: Misbehaviour = (socket) => socket.write(anAnswer(), () => floodLeadingCrlf(socket))

export const floodBody: Misbehaviour = (socket) => {
  socket.write(CHUNKED)
  flood(socket, `4000\r\n${'x'.repeat(0x4000)}\r\n`)
}

const CHUNKED = 'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n'

// A thousandth of what it unpacks to, 2 GB: gzip takes one packed part after another.
const bomb = Buffer.concat(Array<Buffer>(2_000).fill(gzipSync(Buffer.alloc(1_000_000))))

export const gzipBomb: Misbehaviour = (socket) => {
  socket.write(anAnswer('', 200, { 'Content-Encoding': 'gzip', 'Content-Length': String(bomb.length) }))
  socket.write(bomb)
}
