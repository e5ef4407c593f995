import { createServer, connect } from 'node:tls'
import type { AddressInfo } from 'node:net'
import { beforeAll, describe, expect, it } from 'vitest'
import {
  issueCertificate,
  issueExpiredCertificate,
  makeAuthority,
  selfSignedCertificate,
  type Certificate,
} from './certificates.js'

let authority: Certificate
beforeAll(async () => {
  authority = await makeAuthority()
})

describe('a server’s certificate', () => {
  it('is trusted for its name and its address by those who trust the authority', async () => {
    const certificate = await issueCertificate(authority, ['localhost', '127.0.0.1'])
    expect(await handshake(certificate, authority, 'localhost')).toBe('trusted')
    expect(await handshake(certificate, authority, undefined)).toBe('trusted')
  })

  it('is trusted by those who trust several authorities of ours', async () => {
    const both = `${(await makeAuthority()).cert}\n${authority.cert}`
    const certificate = await issueCertificate(authority, ['localhost'])
    expect(await handshake(certificate, { ...authority, cert: both }, 'localhost')).toBe('trusted')
  })

  it('is refused for another name', async () => {
    const certificate = await issueCertificate(authority, ['elsewhere.test'])
    expect(await handshake(certificate, authority, 'localhost')).toBe('ERR_TLS_CERT_ALTNAME_INVALID')
  })

  it('is refused when it is over', async () => {
    const certificate = await issueExpiredCertificate(authority, ['localhost'])
    expect(await handshake(certificate, authority, 'localhost')).toBe('CERT_HAS_EXPIRED')
  })

  it('is refused when nobody or an unknown authority vouches for it', async () => {
    expect(await handshake(await selfSignedCertificate(['localhost']), authority, 'localhost')).toBe(
      'DEPTH_ZERO_SELF_SIGNED_CERT',
    )
    const stranger = await issueCertificate(await makeAuthority(), ['localhost'])
    expect(await handshake(stranger, authority, 'localhost')).toBe('UNABLE_TO_VERIFY_LEAF_SIGNATURE')
  })
})

async function handshake(server: Certificate, trusted: Certificate, servername: string | undefined): Promise<string> {
  const listener = createServer({ ...server })
  listener.on('tlsClientError', () => undefined)
  await new Promise<void>((resolve) => listener.listen(0, '127.0.0.1', resolve))
  const { port } = listener.address() as AddressInfo
  try {
    return await new Promise((resolve) => {
      const target = { port, host: '127.0.0.1', ca: trusted.cert, ...(servername && { servername }) }
      const socket = connect(target, () => {
        socket.destroy()
        resolve('trusted')
      })
      socket.on('error', (error: NodeJS.ErrnoException) => resolve(error.code ?? error.message))
    })
  } finally {
    await new Promise((resolve) => listener.close(resolve))
  }
}
