import { isIP } from 'node:net'
import { type EgressPolicy, isAllowedAddress, refusalOf } from './address-policy.js'
import { isAllowedPort, portsText } from './allowed-ports.js'
import { isLocalhost, loopbackAddresses } from './localhost.js'
import { isPrivateName } from './private-name.js'

export type CheckedUrl = { ok: true; url: URL } | { ok: false; problem: string }

const LONGEST_URL = 2_048

/**
 * Whether a text is a URL that we may send to, as far as that shows without asking the DNS: names are checked again
 * with every address they resolve to, at each connection. `problem` is a sentence for the webhook's owner.
 */
export function checkUrl(text: string, policy: EgressPolicy): CheckedUrl {
  const problem = problemOfText(text, policy)
  if (problem) return { ok: false, problem }
  const url = parse(text)
  if (!url) return { ok: false, problem: 'is not a valid URL' }
  // From here on only the parsed URL counts: it has turned every spelling of an address into the one we would dial.
  const problemOfParts = problemOfHost(url.hostname, policy) ?? problemOfPort(url, policy)
  return problemOfParts ? { ok: false, problem: problemOfParts } : { ok: true, url }
}

/** The port that a URL leads to, also when it is the scheme's own and so not written. */
export function portOf(url: URL): number {
  return url.port === '' ? (url.protocol === 'https:' ? 443 : 80) : Number(url.port)
}

/** The address inside a URL's host, without brackets, or undefined when it is a name. */
export function literalAddress(hostname: string): string | undefined {
  const bare = hostname.startsWith('[') ? hostname.slice(1, -1) : hostname
  return isIP(bare) === 0 ? undefined : bare
}

// The URL parser repairs what is wrong here (drops line breaks, adds slashes, forgets an empty user name), so these
// are judged on the text itself.
function problemOfText(text: string, policy: EgressPolicy): string | undefined {
  if (text.length > LONGEST_URL) return `is longer than ${LONGEST_URL} characters`
  if (CONTROL_OR_SPACE.test(text)) return 'contains spaces or control characters'
  const [, scheme, authority] = /^([a-z][a-z0-9+.-]*):\/\/([^/?#\\]*)/i.exec(text) ?? []
  if (scheme === undefined || authority === undefined)
    return 'is not an absolute URL: write it like https://example.com/webhook'
  const isHttp = scheme.toLowerCase() === 'http'
  if (scheme.toLowerCase() !== 'https' && !(isHttp && policy.allowHttp)) return 'does not begin with https://'
  if (authority === '') return 'has no host'
  if (authority.includes('@')) return 'contains a user name or password'
  if (text.includes('#')) return 'contains a fragment (#)'
  return undefined
}

const CONTROL_OR_SPACE = /[\p{Cc}\s]/u

function parse(text: string): URL | undefined {
  return URL.canParse(text) ? new URL(text) : undefined
}

function problemOfHost(hostname: string, policy: EgressPolicy): string | undefined {
  const literal = literalAddress(hostname)
  if (literal !== undefined) {
    const refusal = refusalOf(literal, policy)
    return refusal && `leads to an address that is not public (${refusal})`
  }
  if (isLocalhost(hostname)) {
    const isAllowed = loopbackAddresses.some((ip) => isAllowedAddress(ip, policy))
    return isAllowed ? undefined : 'leads to an address that is not public (loopback)'
  }
  const name = hostname.endsWith('.') ? hostname.slice(0, -1) : hostname
  const isResolvable = name.length <= 253 && name.split('.').every((label) => label.length >= 1 && label.length <= 63)
  if (!isResolvable) return 'has a host name that cannot exist'
  // Whoever makes exceptions has receivers inside, which may be named as such hosts are.
  if (policy.allowedBlocks.length > 0) return undefined
  return isPrivateName(name) ? 'has a host name that only private networks use' : undefined
}

function problemOfPort(url: URL, policy: EgressPolicy): string | undefined {
  const port = portOf(url)
  if (isAllowedPort(port, policy.allowedPorts)) return undefined
  return `leads to port ${port}, which is not one of ${portsText(policy.allowedPorts)}`
}
