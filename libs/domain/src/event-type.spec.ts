import { expect, test } from 'vitest'
import { contextEventTypes, eventTypes, isEventType, isOperational, operationalEventTypes } from './event-type.js'

test("the guide's five events are what a producer may post", () => {
  expect(contextEventTypes).toEqual([
    'context.created',
    'context.updated',
    'context.deleted',
    'context.published',
    'context.unpublished',
  ])
})

test('knows every type, and none that only looks like one', () => {
  expect(eventTypes.every(isEventType)).toBe(true)
  // The last three exist on every object: a look-up by name alone would take them for types.
  for (const text of ['', 'context', 'context.renamed', 'Context.created', 'constructor', 'toString', '__proto__']) {
    expect(isEventType(text), text).toBe(false)
  }
})

test('a type is about a webhook or about a context', () => {
  expect(eventTypes.filter(isOperational)).toEqual(operationalEventTypes)
})
