import { spawnSync } from 'node:child_process'
import { expect, it } from 'vitest'
import { GARBAGE_COLLECTION_FLAGS } from './garbage-collection.js'

// V8 only prints a line for a flag that it does not have, and a new Node may have dropped one.
it.each(GARBAGE_COLLECTION_FLAGS)('this Node knows %s', (flag) => {
  const { status, stderr } = spawnSync(process.execPath, [flag, '--eval', ''], { encoding: 'utf8' })
  expect({ status, stderr }).toEqual({ status: 0, stderr: '' })
})
