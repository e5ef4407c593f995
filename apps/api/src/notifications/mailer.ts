import { mkdir, rename, writeFile } from 'node:fs/promises'
import { join, resolve } from 'node:path'
import { createTransport } from 'nodemailer'
import type { ApiConfig } from '#config'

export interface Mail {
  to: string
  subject: string
  text: string
  /** The same each time that the same mail is sent: a repeat replaces the file, and mail programs may recognise it. */
  name: string
}

/** The server is well, and this one mail is not taken: its address is wrong, or nobody reads there any more. */
export class MailRefused extends Error {}

/** Of a server that takes longer the next attempt asks again. Ms; all together less than a claim lasts. */
const CONNECT_TIMEOUT_MS = 10_000
const SILENCE_TIMEOUT_MS = 15_000

const LOCAL_SENDER = 'ContextFile webhooks <webhooks@localhost>'

/** Sends mail through the configured server or, without one, writes it into a folder. The only importer of nodemailer. */
export class Mailer {
  readonly #send: (mail: Mail) => Promise<string>

  constructor({ smtpUrl, from = LOCAL_SENDER, folder }: ApiConfig['mail']) {
    this.#send = smtpUrl === undefined ? intoFolder(from, folder) : throughServer(from, smtpUrl)
  }

  /**
   * @returns where it went, for the log
   * @throws {MailRefused}
   * @throws Error when the server is not there or takes nothing
   */
  send(mail: Mail): Promise<string> {
    return this.#send(mail)
  }
}

function throughServer(from: string, smtpUrl: string): (mail: Mail) => Promise<string> {
  const transport = createTransport({
    url: smtpUrl,
    connectionTimeout: CONNECT_TIMEOUT_MS,
    greetingTimeout: CONNECT_TIMEOUT_MS,
    socketTimeout: SILENCE_TIMEOUT_MS,
  })
  return async (mail) => {
    await transport.sendMail(messageOf(from, mail)).catch((error: unknown) => {
      throw isAboutThisMail(error) ? new MailRefused((error as Error).message) : withoutCredentials(error)
    })
    return 'the mail server'
  }
}

/** nodemailer's words for an answer to the recipient or to the message itself; with 5xx it is for good. */
function isAboutThisMail(error: unknown): boolean {
  const { code, command, responseCode = 0 } = error as { code?: string; command?: string; responseCode?: number }
  return responseCode >= 500 && (code === 'EMESSAGE' || (code === 'EENVELOPE' && command === 'RCPT TO'))
}

/**
 * Some servers repeat in their refusal what they were sent. Where that was the user's name and password, only the code
 * of the answer is kept: the error goes to the log.
 */
function withoutCredentials(error: unknown): unknown {
  const { code, responseCode } = error as { code?: string; responseCode?: number }
  if (code !== 'EAUTH') return error
  return new Error(`the mail server refused the user and password of SMTP_URL (${responseCode ?? 'without a code'})`)
}

function intoFolder(from: string, folder: string): (mail: Mail) => Promise<string> {
  const transport = createTransport({ streamTransport: true, buffer: true, newline: 'unix' })
  return async (mail) => {
    const { message } = await transport.sendMail(messageOf(from, mail))
    const file = join(resolve(folder), `${mail.name}.eml`)
    await mkdir(resolve(folder), { recursive: true })
    // Whoever watches the folder never sees half a mail.
    await writeFile(`${file}.part`, message as Buffer)
    await rename(`${file}.part`, file)
    return file
  }
}

function messageOf(from: string, { to, subject, text, name }: Mail) {
  const domain = /@([\w.-]+)>?$/.exec(from)?.[1] ?? 'localhost'
  return {
    from,
    // As an object, so that it is one address whatever is in it.
    to: { name: '', address: to },
    subject,
    text,
    messageId: `<${name}@${domain}>`,
    // So that no out-of-office program answers.
    headers: { 'Auto-Submitted': 'auto-generated' },
    disableFileAccess: true,
    disableUrlAccess: true,
  }
}
