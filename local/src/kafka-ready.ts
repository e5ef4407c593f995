import { exchangeBytes } from './socket-exchange.js'

const metadataV4 = 4

/**
 * Whether a broker serves clients: it answers a Metadata request and names at least one broker that is not fenced.
 * An open port or ApiVersions come a little earlier, when topics cannot be created yet.
 */
export async function isKafkaReady(port: number): Promise<boolean> {
  const answer = await exchangeBytes(port, metadataRequest(), 16)
  // size, correlation id, throttle time, number of brokers: four bytes each
  return answer !== undefined && answer.readInt32BE(12) > 0
}

function metadataRequest(): Buffer {
  const request = Buffer.alloc(19)
  request.writeInt32BE(request.length - 4, 0)
  request.writeInt16BE(3, 4) // Metadata
  request.writeInt16BE(metadataV4, 6)
  request.writeInt32BE(1, 8) // correlation id
  request.writeInt16BE(-1, 12) // no client id
  request.writeInt32BE(0, 14) // no topics
  request.writeInt8(0, 18) // create none
  return request
}
