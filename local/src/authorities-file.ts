import { readFile, writeFile } from 'node:fs/promises'
import { makeAuthority, type Certificate } from './certificates.js'

/**
 * A new authority for this start, written to the file that the dispatcher trusts; those that the user trusts (a PEM file
 * of their own in EGRESS_CA_FILE) stay trusted beside it.
 */
export async function makeTrustedAuthority(file: string, usersFile: string | undefined): Promise<Certificate> {
  const authority = await makeAuthority()
  const users = usersFile ? await readFile(usersFile, 'utf8') : ''
  await writeFile(file, `${authority.cert.trim()}\n${users}`)
  return authority
}
