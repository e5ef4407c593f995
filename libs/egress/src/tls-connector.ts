import { X509Certificate, constants } from 'node:crypto'
import type { Socket } from 'node:net'
import * as tls from 'node:tls'
import type { Deadline } from './deadline-sweep.js'
import type { InboundLimit } from './inbound-limit.js'
import { type StageOutcome, stoppedByDeadline, stoppedByError } from './stage-outcome.js'

// A session is 1 to 4 kB; beyond this many hosts the ones unused longest pay a full handshake again.
const MOST_SESSIONS = 1_000
/** A ticket may have 64 KiB, which nobody needs. */
const MOST_SESSION_BYTES = 8 * 1_024
/**
 * Handshakes run on the event loop, where no deadline reaches them. With finite-field Diffie-Hellman the receiver chooses
 * how large the numbers are: 10,000 bits stop everybody for a second. Whoever speaks TLS 1.2 has elliptic curves as well.
 */
const CIPHERS = `${tls.DEFAULT_CIPHERS}:!DHE`

/** Turns TCP connections into verified TLS ones, TLS 1.2 or later. Contexts are costly, so all share one. */
export class TlsConnector {
  private readonly context: tls.SecureContext
  private readonly sessions = new Map<string, Buffer>()

  /** `extraCaPem`: authorities beside the default ones. Throws when it holds no certificate. */
  constructor(extraCaPem?: string) {
    this.context = tls.createSecureContext({
      minVersion: 'TLSv1.2',
      ciphers: CIPHERS,
      // Else a receiver could ask for handshakes without end on a connection that is kept, where no deadline runs.
      secureOptions: constants.SSL_OP_NO_RENEGOTIATION,
      ...(extraCaPem !== undefined && { ca: [...tls.rootCertificates, ...certificatesIn(extraCaPem)] }),
    })
  }

  /** The handshake with full verification against `host`, a name or an address, over a connected socket. */
  connect(
    tcp: Socket,
    inbound: InboundLimit,
    host: string,
    isAddress: boolean,
    deadline: Deadline,
  ): Promise<StageOutcome<tls.TLSSocket>> {
    return new Promise((resolve) => {
      const name = host.endsWith('.') ? host.slice(0, -1) : host
      const session = this.sessions.get(name)
      const socket = tls.connect({
        socket: tcp,
        host: name,
        // An address may not stand in SNI; the certificate is then checked against `host` all the same.
        servername: isAddress ? '' : name,
        secureContext: this.context,
        // Said here because Node's default can be turned off for a whole process: NODE_TLS_REJECT_UNAUTHORIZED=0.
        rejectUnauthorized: true,
        ALPNProtocols: ['http/1.1'],
        ...(session && { session }),
      })
      let latestSession: Buffer | undefined
      let isVerified = false
      const fail = (outcome: StageOutcome<tls.TLSSocket>) => {
        if (isVerified) return
        this.sessions.delete(name)
        socket.destroy()
        resolve(outcome)
      }
      // Both listeners stay for the socket's life: late errors need a listener, and TLS 1.3 sends sessions late.
      socket.on('error', (error) => {
        fail(stoppedByError('tls', error))
        // After the handshake Node tells of what TLS cannot read and leaves the connection open; undici waits for its end.
        // Not at once, so that an answer which came before is still taken.
        setImmediate(() => socket.destroy())
      })
      socket.on('session', (received) => {
        latestSession = received
        if (isVerified) this.remember(name, received)
      })
      socket.once('secureConnect', () => {
        isVerified = true
        if (latestSession) this.remember(name, latestSession)
        resolve({ ok: true, value: socket })
      })
      // A handshake may be fed with messages that TLS passes over, as long as one likes.
      deadline.onSweep(() => {
        const excess = inbound.excess()
        if (excess) fail(stoppedByError('tls', excess))
      })
      deadline.onPassed(() => fail(stoppedByDeadline('tls')))
    })
  }

  // Node does not check names again on a resumed session: one is kept only for the very name it was verified for.
  private remember(name: string, session: Buffer): void {
    this.sessions.delete(name)
    if (session.length > MOST_SESSION_BYTES) return
    this.sessions.set(name, session)
    const [oldest] = this.sessions.keys()
    if (this.sessions.size > MOST_SESSIONS && oldest !== undefined) this.sessions.delete(oldest)
  }
}

// OpenSSL skips what it cannot read without a word, and then every receiver of that authority fails.
function certificatesIn(pem: string): string[] {
  const certificates = pem.match(/-----BEGIN CERTIFICATE-----[^-]+-----END CERTIFICATE-----/g)
  if (!certificates) throw new Error('the file of extra authorities holds no certificate in PEM form')
  return certificates.map((certificate) => new X509Certificate(certificate).toString())
}
