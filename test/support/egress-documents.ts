import { refusedBlocks } from '#egress'
import { VARIABLES } from '../../libs/config/src/variables.js'
import { privateSuffixes } from '../../libs/egress/src/private-name.js'
import { EVERYWHERE, exceptionsWithin } from './network-policy.js'

const ports = VARIABLES.EGRESS_ALLOWED_PORTS.fallback ?? ''

/** docs/egress.md */
export function egressPage(): string {
  const rows = refusedBlocks.map(({ cidr, reason }) => `| \`${cidr}\` | ${reason} |\n`)
  return `# Where we send, and where not

A webhook's URL is a stranger's word for "connect to this". This page says what becomes of it. Its table and
\`k8s/base/receivers-network-policy.yaml\` are made from \`libs/egress/src/address-table.ts\` by \`npm run docs\`.

## When a webhook is created or its URL changed

Without asking the DNS: \`https\`, no user name, no fragment, at most 2,048 characters, a port of
\`EGRESS_ALLOWED_PORTS\` (${ports}). An address in the host, in whatever spelling a URL knows (hex, octal, one number,
full-width digits, escapes), must be public. \`localhost\` and names below it are loopback. Names of one label and names
under ${listed([...privateSuffixes])}
are refused, because only private networks have such names. What is wrong is told with 422.

## At every attempt

The URL is checked again, and so is every address that its name resolves to, each time a connection is opened. One
refused address refuses the whole answer. The connection goes to exactly the addresses that were checked, over TLS 1.2
or newer with the certificate verified for the URL's host. No redirect is followed, no proxy used, no cookie kept, no body
decompressed; at most 16 KiB of headers and 16 KiB of body are read.

What is refused counts as a failed attempt of reason \`address_denied\`, told with one constant sentence. Nothing is sent
to a refused address, so neither text nor duration tells who lives there; which address it was stands in the dispatcher's
log alone.

One thing does show: whether a name resolves (\`dns\` or \`address_denied\`). So give the dispatcher name servers that know
no private zones, or strangers can try names of yours.

\`test/egress-canary.e2e-spec.ts\` holds the whole pipeline to this, in a network of its own where every address answers.

\`EGRESS_ALLOWED_CIDRS\` makes exceptions, for receivers inside; with any, names of private networks may be used as well.
It also lets every account send there.

## Addresses that are refused

What remains is global unicast. An IPv6 address with an ISATAP interface identifier (\`0:5efe\` or \`200:5efe\` before an
IPv4 address) is refused under any prefix.

<!-- prettier-ignore-start -->
| block | what it is |
|---|---|
${rows.join('')}<!-- prettier-ignore-end -->
`
}

/** k8s/base/receivers-network-policy.yaml */
export function receiversNetworkPolicy(): string {
  const blocks = EVERYWHERE.map((cidr) => {
    const except = exceptionsWithin(cidr).map((block) => `              - ${block}\n`)
    return `        - ipBlock:\n            cidr: ${cidr}\n            except:\n${except.join('')}`
  })
  const portLines = ports.split(',').map((part) => {
    const [first, last] = part.split('-')
    return `        - protocol: TCP\n          port: ${first}\n${last ? `          endPort: ${last}\n` : ''}`
  })
  return `# Made from libs/egress/src/address-table.ts by \`npm run docs\`: the cluster stops what the dispatcher itself refuses.
# Exceptions (EGRESS_ALLOWED_CIDRS) and other ports (EGRESS_ALLOWED_PORTS) need a policy of their own beside this one.
apiVersion: networking.k8s.io/v1
kind: NetworkPolicy
metadata:
  name: dispatcher-to-receivers
spec:
  podSelector:
    matchLabels:
      app.kubernetes.io/name: dispatcher
  policyTypes: [Egress]
  egress:
    - to:
${blocks.join('')}      ports:
${portLines.join('')}`
}

function listed(suffixes: string[]): string {
  return suffixes.map((suffix) => `\`.${suffix}\``).join(' ')
}
