import type { Row } from '../report/row.js'

/**
 * What is compared takes turns: plain, changed, plain, changed … plain. A shared machine is now faster, now slower by more
 * than the difference that is looked for, and only what lies side by side had the same machine.
 *
 * @param first the plain row that is measured already
 * @returns what was measured after it; each changed row's `ratio` is its p99 to the mean of the plain ones beside it
 */
export async function inTurns(
  turns: number,
  first: Row,
  plain: () => Promise<Row>,
  changed: () => Promise<Row>,
): Promise<{ plain: Row[]; changed: Row[] }> {
  const rows = { plain: [first], changed: [] as Row[] }
  for (let turn = 0; turn < turns; turn++) {
    const row = await changed()
    const before = rows.plain.at(-1)!
    const after = await plain()
    row.values.ratio = row.values.p99! / ((before.values.p99! + after.values.p99!) / 2)
    rows.changed.push(row)
    rows.plain.push(after)
  }
  return { ...rows, plain: rows.plain.slice(1) }
}
