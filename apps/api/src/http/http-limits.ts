/**
 * What one client may cost: time, memory and places. With these a process holds at most 5,000 connections of 16 KiB
 * of headers, and a body only of who has a key.
 */
export interface HttpLimits {
  /** From the connection, or the request's first byte, to the end of its headers. Ms. */
  headersWithinMs: number
  /** The same for the whole request. An honest upload of 8 MiB needs 3 Mbit/s for it. Ms. */
  requestWithinMs: number
  /** How often the two above are looked at: how late a connection may be closed. Ms. */
  checkEveryMs: number
  /** A connection on which nothing moves although an answer is due, as when its client does not read. Ms. */
  stalledAfterMs: number
  /** An idle connection after an answer. Longer than load balancers keep theirs (60 s), so that it is never we who close one just being used. Ms. */
  idleForMs: number
  /** Bytes of a request's line and headers. */
  headerBytes: number
  headerCount: number
  /** Bytes; what a route takes that says nothing else with `@RouteConfig({ bodyLimit })`. */
  bodyBytes: number
  connections: number
  /** Of one client address, unless it is a trusted proxy: the rest of the places is for others. */
  connectionsPerClient: number
}

export const HTTP_LIMITS: HttpLimits = {
  headersWithinMs: 10_000,
  requestWithinMs: 30_000,
  checkEveryMs: 1_000,
  stalledAfterMs: 60_000,
  idleForMs: 72_000,
  headerBytes: 16 * 1024,
  headerCount: 100,
  bodyBytes: 32 * 1024,
  connections: 5_000,
  connectionsPerClient: 1_000,
}
