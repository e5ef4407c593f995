import { expect, test } from 'vitest'
import { READERS, roleName } from './role-names.js'

test('a role is named after its database and its service', () => {
  expect(READERS.map((reader) => roleName('webhooks', reader))).toEqual(['webhooks_fanout', 'webhooks_dispatcher'])
})

test('names that Postgres would cut short stay different and fit', () => {
  const longs = ['ä'.repeat(31), `${'ä'.repeat(30)}a`, 'x'.repeat(62), 'x'.repeat(63)]
  const names = longs.flatMap((database) => READERS.map((reader) => roleName(database, reader)))
  expect(new Set(names).size).toBe(names.length)
  for (const name of names) expect(Buffer.byteLength(name)).toBeLessThanOrEqual(63)
})
