import { generate } from 'selfsigned'

export interface KeyAndCertificate {
  key: string
  cert: string
}

export interface CertificateWishes {
  names?: string[]
  addresses?: string[]
  notAfter?: Date
  /** Of a certificate that is its own authority; EC, unless told. */
  keyType?: 'ec' | 'rsa'
}

/** An authority for tests: give its `cert` to the client and let it issue certificates for receivers. */
export async function anAuthority(): Promise<KeyAndCertificate & { issue: typeof issueFor }> {
  const pems = await generate([{ name: 'commonName', value: 'Test authority' }], {
    ...quick,
    extensions: [
      { name: 'basicConstraints', cA: true, critical: true },
      { name: 'keyUsage', keyCertSign: true, digitalSignature: true, critical: true },
    ],
  })
  const authority = { key: pems.private, cert: pems.cert }
  return { ...authority, issue: (wishes) => issueFor(wishes, authority) }
}

/** A certificate that is its own authority, as strangers' test servers have it. */
export function aSelfSignedCertificate(wishes: CertificateWishes = {}): Promise<KeyAndCertificate> {
  return issueFor(wishes)
}

const quick = { keyType: 'ec', algorithm: 'sha256' } as const
const DAY_MS = 24 * 3_600_000

async function issueFor(wishes: CertificateWishes = {}, authority?: KeyAndCertificate): Promise<KeyAndCertificate> {
  const { names = ['localhost'], addresses = ['127.0.0.1'], notAfter = new Date(Date.now() + DAY_MS) } = wishes
  const { keyType = quick.keyType } = wishes
  const pems = await generate([{ name: 'commonName', value: names[0] ?? 'receiver' }], {
    ...quick,
    keyType,
    notBeforeDate: new Date(notAfter.getTime() - 30 * DAY_MS),
    notAfterDate: notAfter,
    extensions: [
      { name: 'basicConstraints', cA: false },
      {
        name: 'subjectAltName',
        altNames: [
          ...names.map((value) => ({ type: 2 as const, value })),
          ...addresses.map((ip) => ({ type: 7 as const, ip })),
        ],
      },
    ],
    ...(authority && { ca: authority }),
  })
  return { key: pems.private, cert: pems.cert }
}
