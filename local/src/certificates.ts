import { randomBytes } from 'node:crypto'
import { isIP } from 'node:net'
import { generate } from 'selfsigned'

/** Both in PEM. */
export interface Certificate {
  key: string
  cert: string
}

export interface Validity {
  notBefore?: Date
  notAfter?: Date
}

const dayMs = 86_400_000

/**
 * A certificate authority that nobody knows until its `cert` is trusted (EGRESS_CA_FILE). No two have the same name: of
 * two trusted ones with one name OpenSSL asks only the first.
 */
export function makeAuthority(): Promise<Certificate> {
  return make(`ContextFile local authority ${randomBytes(4).toString('hex')}`, {
    extensions: [
      { name: 'basicConstraints', cA: true, critical: true },
      { name: 'keyUsage', keyCertSign: true, cRLSign: true, critical: true },
    ],
  })
}

/** A server's certificate for host names and IP addresses, signed by the authority. */
export function issueCertificate(
  authority: Certificate,
  names: readonly string[],
  validity: Validity = {},
): Promise<Certificate> {
  return make(names[0] ?? 'localhost', { ca: authority, extensions: serverExtensions(names), ...validity })
}

/** Right in every respect, but over since yesterday. */
export function issueExpiredCertificate(authority: Certificate, names: readonly string[]): Promise<Certificate> {
  const yesterday = new Date(Date.now() - dayMs)
  return issueCertificate(authority, names, { notBefore: new Date(Date.now() - 30 * dayMs), notAfter: yesterday })
}

/** A server's certificate that no authority vouches for. */
export function selfSignedCertificate(names: readonly string[]): Promise<Certificate> {
  return make(names[0] ?? 'localhost', { extensions: serverExtensions(names) })
}

type Options = NonNullable<Parameters<typeof generate>[1]>
type Extensions = NonNullable<Options['extensions']>

async function make(
  commonName: string,
  options: { ca?: Certificate; extensions: Extensions } & Validity,
): Promise<Certificate> {
  // An hour early, for clocks that differ; P-256, because making an RSA key takes a hundred times as long.
  const notBeforeDate = options.notBefore ?? new Date(Date.now() - 3_600_000)
  const notAfterDate = options.notAfter ?? new Date(Date.now() + 365 * dayMs)
  const made = await generate([{ name: 'commonName', value: commonName }], {
    keyType: 'ec',
    algorithm: 'sha256',
    notBeforeDate,
    notAfterDate,
    extensions: options.extensions,
    ...(options.ca && { ca: options.ca }),
  })
  return { key: made.private, cert: made.cert }
}

function serverExtensions(names: readonly string[]): Extensions {
  const altNames = names.map((name) =>
    isIP(name) ? { type: 7 as const, ip: name } : { type: 2 as const, value: name },
  )
  return [
    { name: 'basicConstraints', cA: false, critical: true },
    { name: 'keyUsage', digitalSignature: true, critical: true },
    { name: 'extKeyUsage', serverAuth: true },
    { name: 'subjectAltName', altNames },
  ]
}
