import { createHmac } from 'node:crypto'
import { execFileSync } from 'node:child_process'
import { mkdtempSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Webhook } from 'standardwebhooks'
import { removeWithUs } from '../../local/src/index.js'
import type { ReceivedRequest } from './receiver.js'

/**
 * How many of these requests each of three implementations finds signed with the secret: Node over the bytes, the
 * library of Standard Webhooks over its own headers, and Python, which shares nothing with the other two.
 */
export function signedAccordingTo(requests: ReceivedRequest[], secret: string): Record<string, number> {
  return {
    node: requests.filter((request) => isSignedForNode(request, secret)).length,
    standardWebhooks: requests.filter((request) => isSignedForLibrary(request, secret)).length,
    python: countForPython(requests, secret),
  }
}

function isSignedForNode({ body, headers }: ReceivedRequest, secret: string): boolean {
  return createHmac('sha256', secret).update(body).digest('hex') === headers['x-webhook-signature']
}

function isSignedForLibrary({ body, headers }: ReceivedRequest, secret: string): boolean {
  try {
    new Webhook(secret).verify(body, headers as Record<string, string>)
    return true
  } catch {
    return false
  }
}

/** One process for all of them: thousands of its own would take minutes. @throws where Python is missing */
function countForPython(requests: ReceivedRequest[], secret: string): number {
  const folder = mkdtempSync(join(tmpdir(), 'webhooks-bodies-'))
  removeWithUs(folder)
  const lines = requests.map(({ body, headers }) => `${String(headers['x-webhook-signature'])} ${body.toString('hex')}`)
  writeFileSync(join(folder, 'requests'), lines.join('\n'))
  writeFileSync(join(folder, 'secret'), secret)
  try {
    return Number(execFileSync('python3', ['-c', COUNT_SIGNED, folder], { encoding: 'utf8' }))
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error
    throw new Error('Python 3 is missing. Install it with:  apt-get install -y python3')
  }
}

const COUNT_SIGNED = `
import hashlib, hmac, sys
secret = open(sys.argv[1] + '/secret', 'rb').read()
signed = 0
for line in open(sys.argv[1] + '/requests'):
    given, body = line.split()
    expected = hmac.new(secret, bytes.fromhex(body), hashlib.sha256).hexdigest()
    signed += hmac.compare_digest(expected, given)
print(signed)
`
