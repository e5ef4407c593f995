/** What V8 writes with `--cpu-prof`, as far as it is read here. Times in µs. */
export interface CpuProfile {
  nodes: { id: number; callFrame: { functionName: string; url: string; lineNumber: number } }[]
  samples: number[]
  timeDeltas: number[]
}

export interface HotFunction {
  name: string
  /** Of the time that was not idle, 0 to 1. */
  share: number
}

const idleNames = ['(idle)', '(program)', '(root)']

/** The functions in which a process itself spent its time, without what they called; the hottest first. */
export function hotFunctions(profile: CpuProfile, most: number): HotFunction[] {
  const names = new Map(profile.nodes.map(({ id, callFrame }) => [id, nameOf(callFrame)]))
  const times = new Map<string, number>()
  for (const [i, id] of profile.samples.entries()) {
    const name = names.get(id) ?? '(unknown)'
    times.set(name, (times.get(name) ?? 0) + (profile.timeDeltas[i] ?? 0))
  }
  for (const name of idleNames) times.delete(name)
  const total = [...times.values()].reduce((sum, time) => sum + time, 0)
  return [...times]
    .map(([name, time]) => ({ name, share: time / total }))
    .sort((a, b) => b.share - a.share)
    .slice(0, most)
}

function nameOf({ functionName, url, lineNumber }: CpuProfile['nodes'][number]['callFrame']): string {
  const name = functionName || '(anonymous)'
  if (!url) return name
  const place = url.replace(/^.*\/(node_modules|dist)\//, '').replace(/^file:\/\//, '')
  return `${name} ${place}:${lineNumber + 1}`
}
