import { readdir, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { hotFunctions, type CpuProfile } from '../measure/hot-functions.js'
import type { Progress } from './progress.js'

const shown = 15

/** Prints the hottest functions of every service whose profile lies in the folder. */
export async function showProfiles(folder: string, progress: Progress): Promise<void> {
  for (const name of (await readdir(folder)).sort()) {
    const profile = JSON.parse(await readFile(join(folder, name), 'utf8')) as CpuProfile
    const seconds = profile.timeDeltas.reduce((sum, delta) => sum + delta, 0) / 1e6
    progress.title(`${serviceOf(profile)}, ${seconds.toFixed(0)} s: ${join(folder, name)}`)
    for (const { name: hot, share } of hotFunctions(profile, shown)) {
      progress.line(`  ${(share * 100).toFixed(1).padStart(5)} %  ${hot}`)
    }
  }
}

function serviceOf({ nodes }: CpuProfile): string {
  const app = nodes.map(({ callFrame }) => /\/dist\/apps\/(\w+)\//.exec(callFrame.url)?.[1]).find(Boolean)
  return app ?? 'unknown process'
}
