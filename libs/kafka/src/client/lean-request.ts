interface Request {
  correlationId: number
  clientId: string
  request: { apiKey: number; apiVersion: number; encode(): Promise<{ buffer: Buffer }> }
}

const HEADER_BYTES = 10

/**
 * A request as it goes over the wire: size, header, payload. kafkajs copies the payload twice, into buffers of the next
 * power of two that are filled with zeros first; with 50 KB in it that costs more than making it.
 */
export async function leanRequest({ correlationId, clientId, request }: Request): Promise<{ buffer: Buffer }> {
  const { buffer: payload } = await request.encode()
  const client = Buffer.from(clientId)
  const size = HEADER_BYTES + client.length + payload.length
  const buffer = Buffer.allocUnsafe(4 + size)
  let at = buffer.writeInt32BE(size)
  at = buffer.writeInt16BE(request.apiKey, at)
  at = buffer.writeInt16BE(request.apiVersion, at)
  at = buffer.writeInt32BE(correlationId, at)
  at = buffer.writeInt16BE(client.length, at)
  at += client.copy(buffer, at)
  payload.copy(buffer, at)
  return { buffer }
}
