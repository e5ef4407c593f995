import { describe, expect, it } from 'vitest'
import { DatabaseUnavailable, sqlState, translated } from './database-unavailable.js'

function anError(message: string, fields: object = {}): Error {
  return Object.assign(new Error(message), fields)
}

describe('an error from the database', () => {
  it.each([
    ['a refused connection', anError('connect ECONNREFUSED', { code: 'ECONNREFUSED' })],
    ['a server that shuts down', anError('terminating connection', { code: '57P01' })],
    ['too many connections', anError('sorry, too many clients already', { code: '53300' })],
    ['a statement that took too long', anError('canceling statement', { code: '57014' })],
    ['a connection that broke', anError('Connection terminated unexpectedly')],
    ['an exhausted pool', anError('timeout exceeded when trying to connect')],
    ['one inside an ORM error', anError('query failed', { driverError: anError('shutdown', { code: '57P03' }) })],
  ])('is unavailability: %s', (_, error) => {
    expect(translated(error)).toBeInstanceOf(DatabaseUnavailable)
  })

  it('stays what it was when the statement is at fault', () => {
    const notUnique = anError('duplicate key', { code: '23505' })

    expect(translated(notUnique)).toBe(notUnique)
    expect(translated('text')).toBe('text')
  })

  it('tells its SQLSTATE through the ORM', () => {
    expect(sqlState(anError('query failed', { driverError: anError('fk', { code: '23503' }) }))).toBe('23503')
    expect(sqlState(anError('no code'))).toBeUndefined()
  })
})
