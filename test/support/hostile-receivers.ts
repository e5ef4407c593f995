import { issueCertificate, issueExpiredCertificate, selfSignedCertificate } from '../../local/src/index.js'
import { FullBacklog } from '../../libs/egress/src/testing/full-backlog.js'
import {
  dripBody,
  dripHeaders,
  dripTlsRecord,
  flood103,
  floodBody,
  floodHeaders,
  gzipBomb,
} from '../../libs/egress/src/testing/misbehaviours.js'
import { anAnswer, RawReceiver, type RawReceiverOptions } from '../../libs/egress/src/testing/raw-receiver.js'
import { testAuthority } from './test-authority.js'

/** What the log says of an attempt, as far as it follows from the receiver. */
export interface ExpectedAttempt {
  outcome: 'succeeded' | 'failed'
  reason: string | null
  status?: number
}

export interface HostileReceiver {
  name: string
  url: string
  expected: ExpectedAttempt
  /** Its end of the connections; none for the one that does not even accept. */
  raw?: RawReceiver
  stop(): Promise<void>
}

const timeout: ExpectedAttempt = { outcome: 'failed', reason: 'timeout' }
// The status and 16 KiB have come: that is an answer, whatever would have followed.
const taken: ExpectedAttempt = { outcome: 'succeeded', reason: null, status: 200 }

/** One of each kind that strangers have, on loopback. `elsewhere` is where the redirects lead. */
export async function startHostileReceivers(elsewhere: string): Promise<HostileReceiver[]> {
  const { authority, localhost: certificate } = await testAuthority()
  const names = ['localhost', '127.0.0.1']
  const redirect = (status: number) => anAnswer('', status, { Location: elsewhere, Connection: 'close' })
  const kinds: [name: string, expected: ExpectedAttempt, options: RawReceiverOptions][] = [
    ['stalls in TLS', timeout, { onTcp: dripTlsRecord }],
    ['stalls before headers', timeout, { certificate }],
    ['drips headers', timeout, { certificate, onRequest: dripHeaders }],
    ['floods headers', { outcome: 'failed', reason: 'protocol' }, { certificate, onRequest: floodHeaders }],
    ['floods with 103', { outcome: 'failed', reason: 'protocol' }, { certificate, onRequest: flood103 }],
    ['drips its body', timeout, { certificate, onRequest: dripBody }],
    ['sends a body without end', taken, { certificate, onRequest: floodBody }],
    ['sends a gzip bomb', taken, { certificate, onRequest: gzipBomb }],
    [
      'resets',
      { outcome: 'failed', reason: 'connection_lost' },
      { certificate, onRequest: (_socket, _request, _count, tcp) => tcp.resetAndDestroy() },
    ],
    [
      'redirects on and on',
      { outcome: 'failed', reason: 'http_status', status: 307 },
      { certificate, onRequest: (socket) => socket.write(redirect(307)) },
    ],
    [
      'has a certificate of its own',
      badCertificate('tls_untrusted'),
      { certificate: await selfSignedCertificate(names) },
    ],
    [
      'has an expired certificate',
      badCertificate('tls_expired'),
      { certificate: await issueExpiredCertificate(authority, names) },
    ],
    [
      "has another's certificate",
      badCertificate('tls_wrong_host'),
      { certificate: await issueCertificate(authority, ['example.com']) },
    ],
  ]
  const backlog = await FullBacklog.start()
  const silent = { name: 'does not accept', expected: timeout, stop: () => backlog.stop() }
  return [
    { ...silent, url: `https://127.0.0.1:${backlog.port}/` },
    ...(await Promise.all(
      kinds.map(async ([name, expected, options]) => {
        const raw = await RawReceiver.start(options)
        return { name, expected, raw, url: `https://localhost:${raw.port}/`, stop: () => raw.stop() }
      }),
    )),
  ]
}

function badCertificate(reason: string): ExpectedAttempt {
  return { outcome: 'failed', reason }
}
