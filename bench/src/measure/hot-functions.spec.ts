import { expect, it } from 'vitest'
import { hotFunctions } from './hot-functions.js'

const node = (id: number, functionName: string, url = '', lineNumber = 0) => ({
  id,
  callFrame: { functionName, url, lineNumber },
})

it('adds up a function’s own time wherever it was called from, idleness left out', () => {
  const profile = {
    nodes: [
      node(1, '(idle)'),
      node(2, 'encode', 'file:///x/dist/libs/kafka/src/encode.js', 9),
      node(3, 'encode', 'file:///x/dist/libs/kafka/src/encode.js', 9),
      node(4, '', 'file:///x/node_modules/undici/lib/client.js', 0),
    ],
    samples: [1, 2, 3, 4],
    timeDeltas: [900, 50, 25, 25],
  }
  expect(hotFunctions(profile, 5)).toEqual([
    { name: 'encode libs/kafka/src/encode.js:10', share: 0.75 },
    { name: '(anonymous) undici/lib/client.js:1', share: 0.25 },
  ])
  expect(hotFunctions(profile, 1)).toHaveLength(1)
})
