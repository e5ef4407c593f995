import { describe, expect, it } from 'vitest'
import { clientNetwork } from './client-network.js'

describe('clientNetwork', () => {
  it.each([
    ['192.0.2.7', '192.0.2.7'],
    ['::ffff:192.0.2.7', '192.0.2.7'],
    ['2001:db8:1:2:3:4:5:6', '2001:db8:1:2::/64'],
    ['2001:DB8:0001:2::', '2001:db8:1:2::/64'],
    ['2001:db8::1', '2001:db8:0:0::/64'],
    ['2001:db8:0:0:ffff::', '2001:db8:0:0::/64'],
    ['::1', '0:0:0:0::/64'],
  ])('counts %s as %s', (address, network) => {
    expect(clientNetwork(address)).toBe(network)
  })

  it('keeps nothing long of what is no address', () => {
    expect(clientNetwork('x'.repeat(10_000)).length).toBeLessThan(64)
    expect(clientNetwork(`::${'x'.repeat(10_000)}`).length).toBeLessThan(64)
  })
})
