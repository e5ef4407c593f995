/**
 * One row per key, those with the same key made one by `merge`. A statement that is given a key twice fails, and in a
 * batch from an at-least-once log it would.
 */
export function mergedByKey<T>(rows: T[], keyOf: (row: T) => string, merge: (a: T, b: T) => T): Map<string, T> {
  const byKey = new Map<string, T>()
  for (const row of rows) {
    const key = keyOf(row)
    const known = byKey.get(key)
    byKey.set(key, known === undefined ? row : merge(known, row))
  }
  return byKey
}

/** All rows of each key, in their order. */
export function groupedByKey<T>(rows: readonly T[], keyOf: (row: T) => string): Map<string, T[]> {
  const byKey = new Map<string, T[]>()
  for (const row of rows) {
    const key = keyOf(row)
    const known = byKey.get(key)
    if (known) known.push(row)
    else byKey.set(key, [row])
  }
  return byKey
}

/**
 * All rows, in rounds of at most one of each key: the second, third, … of a key, which are rare, are a round of their own
 * each. A statement that is given a key twice fails.
 */
export function* oneOfEach<T>(rows: readonly T[], keyOf: (row: T) => string): Generator<T[]> {
  let rest = [...groupedByKey(rows, keyOf).values()]
  for (let round = 0; rest.length > 0; round++) {
    yield rest.map((group) => group[round]!)
    rest = rest.filter((group) => group.length > round + 1)
  }
}

/** Statements of bounded size: a backlog of any length must not run into the statement time-out, for ever. */
const ROWS_PER_STATEMENT = 2_000

export function* inChunks<T>(rows: Iterable<T>): Generator<T[]> {
  let chunk: T[] = []
  for (const row of rows) {
    chunk.push(row)
    if (chunk.length === ROWS_PER_STATEMENT) {
      yield chunk
      chunk = []
    }
  }
  if (chunk.length > 0) yield chunk
}
