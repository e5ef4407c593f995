import { expect, test } from 'vitest'
import { isAllowedPort, parsePorts } from './allowed-ports.js'

test.each([
  [443, true],
  [80, false],
  [1_023, false],
  [1_024, true],
  [65_535, true],
  [22, false],
])('443,1024-65535 and port %i: %s', (port, expected) => {
  expect(isAllowedPort(port, parsePorts('443,1024-65535'))).toBe(expected)
})

test('spaces around parts do not matter', () => {
  expect(parsePorts(' 443 , 8000-9000')).toEqual([
    [443, 443],
    [8_000, 9_000],
  ])
})

test.each(['', '0', '65536', '10-1', '443,', 'https', '1-2-3', '-5', '99999999'])('refuses and names "%s"', (text) => {
  expect(() => parsePorts(text)).toThrow(/is not a port or a range of ports: write them like 443,1024-65535/)
})
