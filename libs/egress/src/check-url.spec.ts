import { expect, test } from 'vitest'
import { egressPolicy } from './address-policy.js'
import { checkUrl } from './check-url.js'

const ports = '443,1024-65535'
const strict = egressPolicy({ allowedCidrs: [], allowedPorts: ports, allowHttp: false })
const local = egressPolicy({ allowedCidrs: ['127.0.0.0/8'], allowedPorts: ports, allowHttp: true })

function problemOf(text: string, policy = strict): string | undefined {
  const checked = checkUrl(text, policy)
  return checked.ok ? undefined : checked.problem
}

test.each([
  'https://example.com/webhook',
  'https://example.com',
  'HTTPS://EXAMPLE.COM/',
  'https://example.com:443/',
  'https://example.com:8443/a?b=c&d=%20',
  'https://example.com./',
  'https://bücher.example/ä',
  'https://xn--bcher-kva.example/',
  'https://my_host.example.com/',
  'https://hooks.internal.example.com/x',
  'https://8.8.8.8/',
  'https://[2606:4700:4700::1111]:8443/',
  'https://example.com/@path',
  'https://example.com/?mail=a@b.c',
  `https://example.com/${'x'.repeat(2_048 - 20)}`,
])('takes %s', (text) => {
  expect(problemOf(text)).toBeUndefined()
})

test.each([
  ['', /absolute/],
  ['example.com/webhook', /absolute/],
  ['/webhook', /absolute/],
  ['//example.com/webhook', /absolute/],
  ['https:example.com', /absolute/],
  ['https:/example.com', /absolute/],
  ['https:\\\\example.com', /absolute/],
  ['http://example.com/', /does not begin with https/],
  ['ftp://example.com/', /does not begin with https/],
  ['file:///etc/passwd', /does not begin with https/],
  ['javascript://alert', /does not begin with https/],
  ['https://', /no host/],
  ['https:///example.com', /no host/],
  ['https:///', /no host/],
  ['https://?x', /no host/],
  ['https://user:secret@example.com/', /user name or password/],
  ['https://user@example.com/', /user name or password/],
  ['https://@example.com/', /user name or password/],
  ['https://:@example.com/', /user name or password/],
  ['https://example.com/#part', /fragment/],
  ['https://example.com/#', /fragment/],
  [' https://example.com/', /spaces or control/],
  ['https://example.com/\n', /spaces or control/],
  ['https://exa\tmple.com/', /spaces or control/],
  ['https://example.com/\u0000', /spaces or control/],
  ['https://example.com/a b', /spaces or control/],
  [`https://example.com/${'x'.repeat(2_048)}`, /longer than 2048/],
  ['https://example.com:0/', /port 0,/],
  ['https://example.com:22/', /port 22,/],
  ['https://example.com:80/', /port 80,/],
  ['https://example.com:99999/', /not a valid URL/],
  ['https://exa<mple.com/', /not a valid URL/],
  ['https://256.256.256.256/', /not a valid URL/],
  ['https://[::1/', /not a valid URL/],
  ['https://[fe80::1%25eth0]/', /not a valid URL/],
  ['https://./', /host name that cannot exist/],
  ['https://a..example.com/', /host name that cannot exist/],
  [`https://${'a'.repeat(64)}.example.com/`, /host name that cannot exist/],
  [`https://${'a.'.repeat(126)}example.com/`, /host name that cannot exist/],
])('refuses %j', (text, problem) => {
  expect(problemOf(text)).toMatch(problem)
})

test.each([
  'https://127.0.0.1/',
  'https://127.0.0.1./',
  'https://127.1/',
  'https://127.0.1/',
  'https://2130706433/',
  'https://0x7f000001/',
  'https://0x7f.1/',
  'https://0x7F.0x0.0x0.0x1/',
  'https://0177.0.0.1/',
  'https://017700000001/',
  'https://127.0.0.0x1/',
  'https://①②⑦.0.0.1/',
  'https://１２７.０.０.１/',
  'https://127。0。0。1/',
  'https://127．0．0．1/',
  'https://127｡0｡0｡1/',
  'https://%31%32%37.0.0.1/',
  'https://1%32%37.0.0.1/',
  'https://0/',
  'https://0.0.0.0/',
  'https://10.0.0.1/',
  'https://169.254.169.254/latest/meta-data/',
  'https://0xA9FEA9FE/',
  'https://2852039166/',
  'https://[::1]/',
  'https://[0:0:0:0:0:0:0:1]/',
  'https://[::]/',
  'https://[::ffff:127.0.0.1]/',
  'https://[::ffff:7f00:1]/',
  'https://[0:0:0:0:0:ffff:7f00:0001]/',
  'https://[::ffff:8.8.8.8]/',
  'https://[::127.0.0.1]/',
  'https://[64:ff9b::7f00:1]/',
  'https://[64:ff9b::169.254.169.254]/',
  'https://[2002:7f00:1::]/',
  'https://[fd00::1]/',
  'https://[FE80::1]/',
  'https://168.63.129.16/',
  'https://localhost/',
  'https://LOCALHOST:8443/',
  'https://localhost./',
  'https://app.localhost/',
  'https://ⓛocalhost/',
  'https://loc%61lhost/',
])('refuses an address that is not public, however it is spelled: %s', (text) => {
  expect(problemOf(text)).toMatch(/^leads to an address that is not public \(/)
})

test.each(['https://notlocalhost.com/', 'https://localhost.example.com/', 'https://1.2.3.4.example.com/'])(
  'is not misled by a name that only looks like one: %s',
  (text) => {
    expect(problemOf(text)).toBeUndefined()
  },
)

test.each(['https://localhost:8443/', 'https://127.0.0.1:8443/', 'http://localhost:8080/x', 'https://0x7f.1:8443/'])(
  'takes loopback where the policy makes an exception: %s',
  (text) => {
    expect(problemOf(text, local)).toBeUndefined()
  },
)

test('an exception for IPv4 loopback opens nothing else', () => {
  expect(problemOf('https://[::1]:8443/', local)).toMatch(/not public \(loopback\)/)
  expect(problemOf('https://10.0.0.1:8443/', local)).toMatch(/not public/)
  expect(problemOf('http://localhost/', local)).toMatch(/port 80/)
})

test('gives the URL that will be dialled, with its address already in plain form', () => {
  const checked = checkUrl('https://0x7f.1:8443/x', local)
  expect(checked.ok && checked.url.href).toBe('https://127.0.0.1:8443/x')
})
