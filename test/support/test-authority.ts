import { mkdtemp, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type Certificate, issueCertificate, makeAuthority, removeWithUs } from '../../local/src/index.js'

export interface TestAuthority {
  /** For EGRESS_CA_FILE. */
  caFile: string
  /** A certificate for localhost and 127.0.0.1. */
  localhost: Certificate
  authority: Certificate
}

let shared: Promise<TestAuthority> | undefined

/** One authority per test process: the pipeline trusts it, and receivers get their certificates from it. */
export function testAuthority(): Promise<TestAuthority> {
  return (shared ??= makeOne())
}

async function makeOne(): Promise<TestAuthority> {
  const folder = await mkdtemp(join(tmpdir(), 'webhooks-ca-'))
  removeWithUs(folder)
  const authority = await makeAuthority()
  const localhost = await issueCertificate(authority, ['localhost', '127.0.0.1'])
  const caFile = join(folder, 'ca.pem')
  await writeFile(caFile, authority.cert)
  return { caFile, localhost, authority }
}
