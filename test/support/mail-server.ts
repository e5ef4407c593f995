import { type AddressInfo, type Socket, createServer } from 'node:net'
import { createInterface } from 'node:readline'

/**
 * An SMTP server that wants a password, refuses the first one who gives it, as some do by repeating it, and keeps what
 * the others send.
 */
export interface MailServer {
  port: number
  /** Whole messages, as they came. */
  mails: string[]
  refusals: number
  stop(): Promise<void>
}

export async function startMailServer(): Promise<MailServer> {
  const sockets = new Set<Socket>()
  const server = createServer((socket) => {
    sockets.add(socket)
    socket.on('close', () => sockets.delete(socket)).on('error', () => undefined)
    talk(socket, mailServer)
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const mailServer: MailServer = {
    port: (server.address() as AddressInfo).port,
    mails: [],
    refusals: 0,
    stop: () => {
      for (const socket of sockets) socket.destroy()
      return new Promise((resolve) => server.close(() => resolve()))
    },
  }
  return mailServer
}

function talk(socket: Socket, server: MailServer): void {
  const say = (text: string) => void socket.write(`${text}\r\n`)
  let mail: string[] | undefined
  say('220 localhost')
  createInterface({ input: socket }).on('line', (line) => {
    if (mail) {
      if (line !== '.') return void mail.push(line)
      server.mails.push(mail.join('\n'))
      mail = undefined
      return say('250 taken')
    }
    const command = line.slice(0, 4).toUpperCase()
    if (command === 'EHLO') return say('250-localhost\r\n250 AUTH PLAIN')
    if (command === 'AUTH') return say(server.refusals++ === 0 ? `535 wrong: ${decoded(line)}` : '235 welcome')
    if (command === 'DATA') {
      mail = []
      return say('354 go on')
    }
    say(command === 'QUIT' ? '221 bye' : '250 fine')
  })
}

/** The password in `AUTH PLAIN <base64 of NUL user NUL password>`. */
function decoded(line: string): string {
  return Buffer.from(line.split(' ')[2] ?? '', 'base64')
    .toString()
    .split('\0')
    .at(-1)!
}
