/**
 * Whether a name can only exist inside somebody's own network: it has one label, or ends in a suffix that the public DNS
 * will never serve (RFC 6761, 6762, 7686, 8375 and 9476, ICANN's reservation of `internal`, and the three it withheld
 * because private networks use them). Our own name servers may know such names, and whoever saw one attempt end as
 * denied and the other as unresolved could learn which.
 */
export function isPrivateName(hostname: string): boolean {
  const labels = hostname.replace(/\.$/, '').split('.')
  return labels.length === 1 || privateSuffixes.has(labels.at(-1) ?? '')
}

export const privateSuffixes: ReadonlySet<string> = new Set([
  'alt',
  'arpa',
  'corp',
  'home',
  'internal',
  'invalid',
  'local',
  'localhost',
  'mail',
  'onion',
  'test',
])
