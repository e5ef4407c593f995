import { expect, test } from 'vitest'
import { isAllowedPort, parsePorts, portsText } from './allowed-ports.js'

test.each([
  ...[443, 1_024, 1_025, 8_443, 65_535].map((port) => [port, true] as const),
  ...[0, 1, 22, 23, 25, 53, 80, 110, 123, 139, 389, 442, 444, 445, 465, 514, 587, 636, 853, 993, 1_023, 65_536].map(
    (port) => [port, false] as const,
  ),
])('443,1024-65535 and port %i: %s', (port, expected) => {
  expect(isAllowedPort(port, parsePorts('443,1024-65535'))).toBe(expected)
})

test('spaces around parts do not matter', () => {
  expect(parsePorts(' 443 , 8000-9000')).toEqual([
    [443, 443],
    [8_000, 9_000],
  ])
})

test('ports are written as they are read', () => {
  expect(portsText(parsePorts(' 443 , 8000-9000'))).toBe('443,8000-9000')
})

test('the first and the last port that there is may be allowed', () => {
  expect(parsePorts('1-65535')).toEqual([[1, 65_535]])
})

test.each(['', '0', '65536', '10-1', '443,', 'https', '1-2-3', '-5', '99999999'])('refuses and names "%s"', (text) => {
  expect(() => parsePorts(text)).toThrow(/is not a port or a range of ports: write them like 443,1024-65535/)
})
