import { expect, it } from 'vitest'
import { Problem } from '../http/problem.js'
import { validateBatch } from './batch-validation.js'

it('names the first of what is wrong, and tells how much is, also of a hundred thousand unknown fields', () => {
  const fields = 150_000
  const event = Object.fromEntries(Array.from({ length: fields }, (_, n) => [`f${n}`, 0]))
  let refusal: unknown
  try {
    validateBatch({ events: [event] })
  } catch (error) {
    refusal = error
  }
  expect(refusal).toBeInstanceOf(Problem)
  const { status, detail } = refusal as Problem
  expect(status).toBe(422)
  const [said] = /\d+(?= fields)/.exec(detail) ?? []
  expect(Number(said)).toBeGreaterThan(fields)
  expect(detail).toContain('the first 50 are named')
})
