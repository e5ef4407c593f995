/** A record on its way to a topic. Headers carry mechanism (ids, numbers), the value carries content. */
export interface Message {
  topic: string
  key: string
  value: Buffer | string | null
  headers: Record<string, string>
}

/** A record as it comes from a topic; `timestamp` is the broker's append time, ms since the epoch. */
export interface ReceivedMessage {
  key: string | null
  value: Buffer | null
  headers: Record<string, string>
  timestamp: number
}

/** Of each header, besides its name and text: the lengths of both, a few bytes each. */
const HEADER_BYTES = 8

/** What a record takes, bytes, up to some dozen. */
export function bytesOf({ key, value, headers }: Pick<ReceivedMessage, 'key' | 'value' | 'headers'>): number {
  let bytes = (value?.length ?? 0) + Buffer.byteLength(key ?? '')
  for (const [name, text] of Object.entries(headers)) {
    bytes += HEADER_BYTES + Buffer.byteLength(name) + Buffer.byteLength(text)
  }
  return bytes
}

/** As many bytes or more, in a tenth of the time: it is asked of every record, and counting bytes of texts is dear. */
function boundOf({ key, value, headers }: ReceivedMessage): number {
  let characters = key?.length ?? 0
  let count = 0
  for (const name in headers) {
    characters += name.length + headers[name]!.length
    count++
  }
  return (value?.length ?? 0) + HEADER_BYTES * count + MOST_BYTES_PER_CHARACTER * characters
}

/** Of UTF-8, for a unit of UTF-16. */
const MOST_BYTES_PER_CHARACTER = 3

/**
 * Of a record that will be written again, with more headers than it has: one that no producer takes then would end
 * whoever reads it, one process after the other.
 *
 * @throws {UndecodableRecord}
 */
export function refuseLarger(message: ReceivedMessage, mostBytes: number): void {
  if (boundOf(message) <= mostBytes) return
  const bytes = bytesOf(message)
  if (bytes > mostBytes) throw new UndecodableRecord(`the record has ${bytes} bytes, more than ${mostBytes}`)
}

/** A record that no version of this code could have written. It goes to the dead letters; its partition moves on. */
export class UndecodableRecord extends Error {
  override name = 'UndecodableRecord'
}

export function requiredHeader(message: ReceivedMessage, name: string): string {
  const value = message.headers[name]
  if (value === undefined || value === '') throw new UndecodableRecord(`header "${name}" is missing`)
  return value
}

/** A header that holds a whole number, such as a version, an attempt or a time in ms since the epoch. */
export function integerHeader(message: ReceivedMessage, name: string): number {
  return wholeNumber(requiredHeader(message, name), name)
}

export function optionalIntegerHeader(message: ReceivedMessage, name: string): number | null {
  const value = message.headers[name]
  return value === undefined ? null : wholeNumber(value, name)
}

export function requiredValue(message: ReceivedMessage): Buffer {
  if (message.value === null || message.value.length === 0) throw new UndecodableRecord('the record has no value')
  return message.value
}

/** Reads a JSON object; what is not one is undecodable. Its fields are trusted: only our own code writes here. */
export function jsonValue<T extends object>(message: ReceivedMessage): T {
  let value: unknown
  try {
    value = JSON.parse(requiredValue(message).toString('utf8'))
  } catch (error) {
    if (error instanceof UndecodableRecord) throw error
    throw new UndecodableRecord('the value is not JSON')
  }
  if (typeof value !== 'object' || value === null) throw new UndecodableRecord('the value is not a JSON object')
  return value as T
}

function wholeNumber(text: string, name: string): number {
  const number = Number(text)
  // Number alone also reads "", " 5", "0x10" and "1e3", none of which we write.
  if (!/^\d+$/.test(text) || !Number.isSafeInteger(number)) {
    throw new UndecodableRecord(`header "${name}" is not a whole number: ${text.slice(0, 40)}`)
  }
  return number
}
