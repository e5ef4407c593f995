const POLYNOMIAL = 0x82f63b78
const SLICES = 8

/** Row k holds the checksum of a byte followed by k zero bytes, so that eight bytes take one step. */
const tables = makeTables()
const [t0, t1, t2, t3, t4, t5, t6, t7] = tables as [Row, Row, Row, Row, Row, Row, Row, Row]
type Row = Int32Array

/** CRC-32C (Castagnoli) of the bytes from `start` on, as an unsigned number: what a record batch carries. */
export function crc32c(bytes: Uint8Array, start = 0): number {
  let crc = -1
  let at = start
  const blocksEnd = bytes.length - 7
  while (at < blocksEnd) {
    crc ^= bytes[at]! | (bytes[at + 1]! << 8) | (bytes[at + 2]! << 16) | (bytes[at + 3]! << 24)
    crc =
      t7[crc & 255]! ^
      t6[(crc >>> 8) & 255]! ^
      t5[(crc >>> 16) & 255]! ^
      t4[crc >>> 24]! ^
      t3[bytes[at + 4]!]! ^
      t2[bytes[at + 5]!]! ^
      t1[bytes[at + 6]!]! ^
      t0[bytes[at + 7]!]!
    at += 8
  }
  for (; at < bytes.length; at++) crc = t0[(crc ^ bytes[at]!) & 255]! ^ (crc >>> 8)
  return ~crc >>> 0
}

function makeTables(): Row[] {
  const rows = Array.from({ length: SLICES }, () => new Int32Array(256))
  for (let byte = 0; byte < 256; byte++) {
    let crc = byte
    for (let bit = 0; bit < 8; bit++) crc = crc & 1 ? (crc >>> 1) ^ POLYNOMIAL : crc >>> 1
    rows[0]![byte] = crc
  }
  for (let slice = 1; slice < SLICES; slice++) {
    for (let byte = 0; byte < 256; byte++) {
      const before = rows[slice - 1]![byte]!
      rows[slice]![byte] = (before >>> 8) ^ rows[0]![before & 255]!
    }
  }
  return rows
}
