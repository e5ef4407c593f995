import { expect, it } from 'vitest'
import { noStackHint } from './no-stack-hint.js'

it('says how to start a local stack where a command misses its variables and none is running', () => {
  expect(noStackHint({ exitCode: 78, isRunning: false })).toMatch(/^No local stack is running.*npm start/)
})

it('says nothing where a stack is running, nor where something else was wrong', () => {
  expect(noStackHint({ exitCode: 78, isRunning: true })).toBeUndefined()
  for (const exitCode of [0, 1, null]) expect(noStackHint({ exitCode, isRunning: false })).toBeUndefined()
})
