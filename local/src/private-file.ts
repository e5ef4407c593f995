import { existsSync, readFileSync } from 'node:fs'
import { mkdir, rename, rm, writeFile } from 'node:fs/promises'
import { dirname } from 'node:path'

/** Writes JSON that only its owner may read, in one step: a reader sees the old content or the new, never a part. */
export async function writePrivateJson(file: string, content: unknown): Promise<void> {
  const temporary = `${file}.${process.pid}.tmp`
  await mkdir(dirname(file), { recursive: true })
  await rm(temporary, { force: true })
  await writeFile(temporary, `${JSON.stringify(content, null, 2)}\n`, { mode: 0o600 })
  await rename(temporary, file)
}

/** @returns undefined when there is no such file; @throws Error naming the file when it is not JSON */
export function readJson(file: string): unknown {
  if (!existsSync(file)) return undefined
  try {
    return JSON.parse(readFileSync(file, 'utf8')) as unknown
  } catch (error) {
    throw new Error(`${file} cannot be read; remove it, or begin anew with npm start -- --reset`, { cause: error })
  }
}
