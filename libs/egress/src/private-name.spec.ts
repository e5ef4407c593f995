import { expect, test } from 'vitest'
import { egressPolicy } from './address-policy.js'
import { checkUrl } from './check-url.js'
import { isPrivateName, privateSuffixes } from './private-name.js'

test.each([
  'intranet',
  'kubernetes',
  'com',
  'intranet.',
  'metadata.google.internal',
  'metadata.google.internal.',
  'api.default.svc.cluster.local',
  'printer.local',
  'router.home.arpa',
  '1.0.0.127.in-addr.arpa',
  'mail.corp',
  'nas.home',
  'smtp.mail',
  'hidden.onion',
  'a.test',
  'a.invalid',
  'a.alt',
])('only a private network has the name %s', (name) => {
  expect(isPrivateName(name)).toBe(true)
})

test.each([
  'example.com',
  'example.com.',
  'internal.example.com',
  'local.com',
  'localhost.example.com',
  'svc.cluster.local.example.com',
  'xn--bcher-kva.example',
  'a.homes',
  'notlocal.io',
])('the public DNS may know %s', (name) => {
  expect(isPrivateName(name)).toBe(false)
})

const ports = '443,1024-65535'

test.each([
  'https://intranet/',
  'https://INTRANET:8443/',
  'https://metadata.google.INTERNAL/',
  'https://ａｐｉ.svc.cluster.ｌｏｃａｌ/',
  'https://router.home.arpa./',
  'https://%69ntranet/',
])('a URL with such a name is refused before anybody is asked for it: %s', (url) => {
  const checked = checkUrl(url, egressPolicy({ allowedCidrs: [], allowedPorts: ports, allowHttp: false }))
  expect(checked).toEqual({ ok: false, problem: 'has a host name that only private networks use' })
})

test('such names may be used where the policy makes exceptions: their addresses are still checked', () => {
  const policy = egressPolicy({ allowedCidrs: ['10.0.0.0/8'], allowedPorts: ports, allowHttp: false })
  expect(checkUrl('https://hooks.internal/', policy).ok).toBe(true)
  expect(checkUrl('https://hooks/', policy).ok).toBe(true)
  expect(checkUrl('https://localhost/', policy).ok).toBe(false)
})

test('suffixes are written as the URL parser leaves them', () => {
  for (const suffix of privateSuffixes) expect(new URL(`https://a.${suffix}/`).hostname).toBe(`a.${suffix}`)
})
