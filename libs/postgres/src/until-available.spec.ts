import { expect, it } from 'vitest'
import { DatabaseUnavailable } from './database-unavailable.js'
import { untilAvailable } from './until-available.js'

it('asks until there is an answer, and tells of the first refusal', async () => {
  const answers = [new DatabaseUnavailable('away'), new DatabaseUnavailable('starting'), 'rows']
  const told: string[] = []
  const ask = async () => {
    const answer = answers.shift()!
    if (answer instanceof Error) throw answer
    return answer
  }
  expect(await untilAvailable(ask, ({ message }) => told.push(message), 1)).toBe('rows')
  expect(told).toEqual(['away'])
})

it('does not repeat what is wrong with the question', async () => {
  const ask = () => Promise.reject(new Error('no such table'))
  await expect(untilAvailable(ask, () => expect.fail('told'), 1)).rejects.toThrow('no such table')
})
