import { expect, it } from 'vitest'
import { audienceOf, groupOf, requestsFor, webhookCount } from './audience.js'

it('numbers webhooks so that the number tells the position among its event’s deliveries', () => {
  const audience = audienceOf([{ id: 'acc_1' }, { id: 'acc_2' }], 10)
  expect(webhookCount(audience)).toBe(100)
  for (const { webhooks } of audience.groups)
    expect(webhooks.map((number) => number % 10)).toEqual([...Array(10).keys()])
})

it('gives every group its turn', () => {
  const audience = audienceOf([{ id: 'acc_1' }, { id: 'acc_2' }], 1)
  const request = requestsFor(audience)
  const turns = [...Array(10).keys()].map((sequence) => {
    const { account_id, type } = JSON.parse(request(sequence, 'evt_0')) as Record<string, string>
    const group = groupOf(audience, sequence)
    expect([group.accountId, group.type]).toEqual([account_id, type])
    return `${account_id} ${type}`
  })
  expect(new Set(turns).size).toBe(10)
})
