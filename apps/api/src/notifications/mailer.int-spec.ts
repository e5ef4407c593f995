import { mkdtemp, readFile, readdir, rm } from 'node:fs/promises'
import { type AddressInfo, type Server, createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, describe, expect, it } from 'vitest'
import { type Mail, Mailer, MailRefused } from './mailer.js'

const MAIL: Mail = { to: 'owner@example.com', subject: 'Ümlaut', text: 'Dear owner\n\n.\n\nBye', name: 'one-mail' }

describe('without a mail server', () => {
  let folder: string
  afterEach(() => rm(folder, { recursive: true, force: true }))

  it('mail becomes a file, one for each mail however often it is sent', async () => {
    folder = await mkdtemp(join(tmpdir(), 'mail-'))
    const mailer = new Mailer({ folder: join(folder, 'of', 'mail') })
    const to = await mailer.send(MAIL)
    await mailer.send(MAIL)

    expect(await readdir(join(folder, 'of', 'mail'))).toEqual(['one-mail.eml'])
    const text = await readFile(to, 'utf8')
    expect(text).toMatch(/^To: owner@example\.com$/m)
    expect(text).toMatch(/^Message-ID: <one-mail@localhost>$/m)
    expect(text).toMatch(/^Auto-Submitted: auto-generated$/m)
    expect(text).toContain('Dear owner')
  })
})

describe('with a mail server', () => {
  let server: Server | undefined
  afterEach(() => new Promise<void>((resolve) => (server ? server.close(() => resolve()) : resolve())))

  /** Says the least that a mail server says; `recipient` is its answer to the recipient. */
  async function aServer(recipient: string): Promise<{ url: string; lines: string[] }> {
    const lines: string[] = []
    server = createServer((socket) => {
      let isData = false
      socket.setEncoding('utf8').on('error', () => socket.destroy())
      socket.write('220 test\r\n')
      socket.on('data', (chunk: string) => {
        for (const line of chunk.split('\r\n').filter((each) => each !== '')) {
          lines.push(line)
          if (isData && line === '.') isData = false
          else if (isData) continue
          if (line === 'DATA') isData = true
          socket.write(`${answerTo(line, recipient)}\r\n`)
        }
      })
    })
    await new Promise<void>((resolve) => server!.listen(0, '127.0.0.1', resolve))
    return { url: `smtp://127.0.0.1:${(server.address() as AddressInfo).port}`, lines }
  }

  function answerTo(line: string, recipient: string): string {
    if (line.startsWith('EHLO')) return '250-test\r\n250 AUTH PLAIN'
    if (line.startsWith('AUTH')) return `535 refused: ${Buffer.from(line.split(' ')[2]!, 'base64').toString()}`
    if (line.startsWith('RCPT')) return recipient
    if (line === 'DATA') return '354 go on'
    return line === 'QUIT' ? '221 bye' : '250 OK'
  }

  it('its refusal of the password is told without the password, which it may repeat', async () => {
    const { url } = await aServer('250 OK')
    const smtpUrl = url.replace('smtp://', 'smtp://someone:sesame@')
    const refused: unknown = await new Mailer({ smtpUrl, from: 'us@example.net', folder: '' })
      .send(MAIL)
      .catch((e) => e)
    expect(String(refused)).toContain('the mail server refused the user and password of SMTP_URL (535)')
    expect(JSON.stringify(refused, Object.getOwnPropertyNames(refused))).not.toContain('sesame')
  })

  it('mail is handed to it, from the configured sender', async () => {
    const { url, lines } = await aServer('250 OK')
    await new Mailer({ smtpUrl: url, from: 'Us <us@example.net>', folder: '' }).send(MAIL)
    expect(lines.find((line) => line.startsWith('MAIL'))).toMatch(/^MAIL FROM:<us@example\.net>/)
    expect(lines).toContain('RCPT TO:<owner@example.com>')
    expect(lines).toContain('Message-ID: <one-mail@example.net>')
  })

  it('a refusal is a failure', async () => {
    const { url } = await aServer('550 no such user')
    const sent = new Mailer({ smtpUrl: url, from: 'us@example.net', folder: '' }).send(MAIL)
    await expect(sent).rejects.toThrow('550')
    await expect(sent).rejects.toThrow(MailRefused)
  })
})
