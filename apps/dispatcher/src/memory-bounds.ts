import { Injectable } from '@nestjs/common'
import { type Held, MemoryBound } from '#domain'

/** Beyond these memory would grow with the receivers' slowness. Each has its own, so that none is in the others' way. */
const LIVE: Held = { records: 20_000, bytes: 64 * 1024 * 1024 }
const TIERS: Held = { records: 12_000, bytes: 32 * 1024 * 1024 }
const REPLAYS: Held = { records: 8_000, bytes: 24 * 1024 * 1024 }

/** What one process holds at most before it stops reading on. */
@Injectable()
export class MemoryBounds {
  /** In lanes, queued or under way. Full, it stops everything: for what may wait for hours it must not count. */
  readonly live = new MemoryBound(LIVE)
  /** Read ahead of the tiers. */
  readonly tiers = new MemoryBound(TIERS)
  /** In lanes and in front of them. */
  readonly replays = new MemoryBound(REPLAYS)

  get records(): number {
    return this.live.records + this.tiers.records + this.replays.records
  }

  get bytes(): number {
    return this.live.bytes + this.tiers.bytes + this.replays.bytes
  }
}
