import crypto from 'node:crypto'
import { createServer, type Server } from 'node:https'
import type { AddressInfo } from 'node:net'
import express from 'express'
import { testAuthority } from './test-authority.js'

/** A receiver made of the guide's own snippet, unchanged, behind `express.json()` as its readers write it. */
export interface GuideReceiver {
  url: string
  /** What each request was answered, in order. */
  answers: { status: number; eventId: string; type: string }[]
  useSecret(secret: string): void
  stop(): Promise<void>
}

export async function startGuideReceiver(): Promise<GuideReceiver> {
  const { localhost } = await testAuthority()
  const answers: GuideReceiver['answers'] = []
  let WEBHOOK_SECRET = ''
  const app = express()
  app.use(express.json())
  app.use((req, res, next) => {
    res.on('finish', () => answers.push({ status: res.statusCode, eventId: req.body.id, type: req.body.type }))
    next()
  })

  // From here to the end of the handler: the guide, but for the types that its JavaScript leaves out.
  function verifyWebhookSignature(payload: string, signature: string, secret: string) {
    const expectedSignature = crypto.createHmac('sha256', secret).update(payload).digest('hex')
    return crypto.timingSafeEqual(Buffer.from(signature), Buffer.from(expectedSignature))
  }

  // In your webhook handler
  app.post('/webhook', (req, res) => {
    const signature = req.headers['x-webhook-signature'] as string
    const payload = JSON.stringify(req.body)
    if (!verifyWebhookSignature(payload, signature, WEBHOOK_SECRET)) {
      return res.status(401).send('Invalid signature')
    }
    // Process the webhook...
    return res.status(200).send('OK')
  })

  const server: Server = createServer({ key: localhost.key, cert: localhost.cert }, app)
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  return {
    url: `https://localhost:${(server.address() as AddressInfo).port}/webhook`,
    answers,
    useSecret: (secret) => (WEBHOOK_SECRET = secret),
    stop: () => {
      server.closeAllConnections()
      return new Promise((resolve) => server.close(() => resolve()))
    },
  }
}
