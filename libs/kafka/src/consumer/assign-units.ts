/** A member of the group and what it held in its last generation (-1: in none). */
export interface Claimant {
  memberId: string
  generation: number
  units: readonly string[]
}

/**
 * Spreads units evenly (counts differ by at most one) and moves as few as possible. Where two members claim a unit,
 * the one of the later generation has it: the other one has missed a rebalance. Same input, same result.
 */
export function assignUnits(units: readonly string[], claimants: readonly Claimant[]): Map<string, string[]> {
  const members = [...claimants].sort((a, b) => b.generation - a.generation || compare(a.memberId, b.memberId))
  const assigned = new Map<string, string[]>(members.map(({ memberId }) => [memberId, []]))
  if (members.length === 0) return assigned
  const free = new Set(units)
  for (const { memberId, units: claimed } of members) {
    for (const unit of claimed) if (free.delete(unit)) assigned.get(memberId)!.push(unit)
  }
  for (const unit of free) byLoad(assigned)[0]![1].push(unit)
  level(assigned, new Map(members.map((member) => [member.memberId, new Set(member.units)])))
  return assigned
}

/** Who has least gets from who has most, preferably what it held before. */
function level(assigned: Map<string, string[]>, claims: ReadonlyMap<string, ReadonlySet<string>>): void {
  for (;;) {
    const members = byLoad(assigned)
    const [leastId, least] = members[0]!
    const most = members[members.length - 1]![1]
    if (most.length - least.length <= 1) return
    const claimed = most.findIndex((unit) => claims.get(leastId)!.has(unit))
    least.push(...most.splice(claimed === -1 ? most.length - 1 : claimed, 1))
  }
}

function byLoad(assigned: Map<string, string[]>): [string, string[]][] {
  return [...assigned].sort((a, b) => a[1].length - b[1].length || compare(a[0], b[0]))
}

function compare(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0
}
