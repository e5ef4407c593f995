import { refusedBlocks } from '#egress'
import { VARIABLES } from '../../libs/config/src/variables.js'
import { MOST_BODY_BYTES } from '../../libs/egress/src/exchange.js'
import {
  MOST_BYTES,
  MOST_DRAINED_BYTES,
  MOST_HEADER_BYTES,
  MOST_SESSIONS,
} from '../../libs/egress/src/inbound-limit.js'
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
decompressed.

Name servers with DNS64 add to each IPv4 address of an answer the same one under \`64:ff9b::/96\`. These are left out, neither
judged nor called; any other address under that block is refused. A machine without IPv4 reaches receivers without IPv6 only
where the block is allowed as an exception, and with it private IPv4 addresses, as far as the NAT64 leads there.

At most ${kibibytes(MOST_HEADER_BYTES)} of headers and ${kibibytes(MOST_BODY_BYTES)} of body are kept. A longer body is read to its end when it announces at most ${kibibytes(MOST_DRAINED_BYTES)};
else the connection is closed, and the answer counts. Whatever it is made of, no answer may take more than ${kibibytes(MOST_BYTES.answer)} on the
wire, where line breaks, extensions of chunks and messages of TLS count as well, nor come with more than ${MOST_SESSIONS} TLS sessions:
beyond that the connection is closed and the attempt has failed (\`protocol\`, \`tls\`). A connection that is kept for the next
request is closed when more than ${kibibytes(MOST_BYTES.idle)} or ${MOST_SESSIONS} TLS sessions come unasked. What is read by TLS alone is looked at now and
then, within a second.

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

function kibibytes(bytes: number): string {
  return `${bytes / 1_024} KiB`
}

function listed(suffixes: string[]): string {
  return suffixes.map((suffix) => `\`.${suffix}\``).join(' ')
}
