import { describe, expect, it } from 'vitest'
import { RequestReader } from './request-reader.js'

const body = '{"id":"evt_1"}'
const request = (webhook: number, event: string) =>
  Buffer.from(
    `POST /w/${webhook} HTTP/1.1\r\nhost: localhost\r\nContent-Length: ${body.length}\r\nwebhook-id: ${event}\r\n\r\n${body}`,
  )

function reading() {
  const seen: [number, string][] = []
  return { seen, reader: new RequestReader((webhook, eventId) => seen.push([webhook, eventId])) }
}

describe('the request reader', () => {
  it('tells a request when its last byte is there, wherever the network cuts it', () => {
    const bytes = request(7, 'evt_a')
    for (let cut = 1; cut < bytes.length; cut++) {
      const { seen, reader } = reading()
      reader.push(bytes.subarray(0, cut))
      expect(seen).toEqual([])
      reader.push(bytes.subarray(cut))
      expect(seen).toEqual([[7, 'evt_a']])
    }
  })

  it('reads requests that arrive together', () => {
    const { seen, reader } = reading()
    reader.push(Buffer.concat([request(1, 'evt_a'), request(20, 'evt_b'), request(3, 'evt_c').subarray(0, 50)]))
    expect(seen).toEqual([
      [1, 'evt_a'],
      [20, 'evt_b'],
    ])
  })

  it('refuses what the dispatcher would never send', () => {
    const { reader } = reading()
    expect(() => reader.push(Buffer.from('GET / HTTP/1.1\r\nhost: localhost\r\n\r\n'))).toThrow('without')
    expect(() => reading().reader.push(Buffer.alloc(20_000, 'x'))).toThrow('without end')
  })
})
