import { summarize } from '../measure/latency-summary.js'
import type { Row } from '../report/row.js'
import type { Column } from '../report/table.js'

/** A window's figures, and each single latency of it, ms. */
export interface Turn {
  row: Row
  latenciesMs: readonly number[]
}

/** What `inTurns` adds to the changed rows: of each window, and once of all of them. */
export function comparedColumns(plain: string): Column[] {
  return [
    { key: 'ratio', title: `p99 ÷ ${plain}`, digits: 2 },
    { key: 'together', title: 'of all windows together', digits: 2 },
  ]
}

/**
 * What is compared takes turns: plain, changed, plain, changed … plain. A shared machine is now faster, now slower by more
 * than the difference that is looked for, and only what lies side by side had the same machine. Each changed row's
 * `ratio` is its p99 to the mean of the plain ones beside it. The p99 of a window of some thousand deliveries is decided
 * by one pause of the machine, which is why the last changed row also has `together`: the p99 of what arrived in all
 * changed windows to that of all plain ones.
 *
 * @param first the plain one that is measured already
 * @returns what was measured after it
 */
export async function inTurns(
  turns: number,
  first: Turn,
  plain: () => Promise<Turn>,
  changed: () => Promise<Turn>,
): Promise<{ plain: Turn[]; changed: Turn[] }> {
  const plains = [first]
  const changeds: Turn[] = []
  for (let turn = 0; turn < turns; turn++) {
    const { row, latenciesMs } = await changed()
    const before = plains.at(-1)!
    const after = await plain()
    row.values.ratio = row.values.p99! / ((before.row.values.p99! + after.row.values.p99!) / 2)
    changeds.push({ row, latenciesMs })
    plains.push(after)
  }
  changeds.at(-1)!.row.values.together = p99Of(changeds) / p99Of(plains)
  return { plain: plains.slice(1), changed: changeds }
}

function p99Of(turns: readonly Turn[]): number {
  return summarize(turns.flatMap(({ latenciesMs }) => latenciesMs)).p99
}
