import { execFileSync } from 'node:child_process'
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { afterAll, afterEach, describe, expect, test } from 'vitest'
import { deliveryIdFor, eventBody, sampleEvent } from '#domain'
import { type ServerProcess, endServerProcess, freePort, removeWithUs, startServerProcess } from '#local'
import { createSecret, signatureHeaders } from '#signing'
import { eventually } from './support/eventually.js'
import { assertInstalled, codeBlock } from './support/snippets.js'

// What customers copy is run as it stands in the document, against signatures that our own code made.
const PAGE = 'docs/receivers.md'

// Below the project, so that snippets find its packages.
mkdirSync('.cache', { recursive: true })
const folder = mkdtempSync(join('.cache', 'receiver-snippets-'))
removeWithUs(folder)
const receivers: ServerProcess[] = []
afterEach(() => Promise.all(receivers.splice(0).map((each) => endServerProcess(each, 'SIGTERM', 2_000))))
afterAll(() => rmSync(folder, { recursive: true, force: true }))

const secret = createSecret()
const environment = { ...process.env, WEBHOOK_SECRET: secret }
const event = sampleEvent('context.updated', 'evt_abc123def456', new Date('2024-01-15T14:45:00.000Z'))
event.data.context.name = 'Ünïcødé 猫 "quoted" </script> \\ \u2028 \u0000'
const body = Buffer.from(eventBody(event))
const changedBody = Buffer.from(body.toString().replace('updated', 'deleted'))
const headers = signed(body)
const signature = headers['x-webhook-signature']!

/** What every verification must say to a body and a signature. */
const cases: { title: string; body: Buffer; signature: string; isValid: boolean }[] = [
  { title: 'our signature', body, signature, isValid: true },
  { title: 'a changed body', body: changedBody, signature, isValid: false },
  {
    title: "another secret's signature",
    body,
    signature: signed(body, createSecret())['x-webhook-signature']!,
    isValid: false,
  },
  { title: 'a signature of another form', body, signature: 'Zürich', isValid: false },
  { title: 'half a signature', body, signature: signature.slice(0, 32), isValid: false },
  { title: 'no signature', body, signature: '', isValid: false },
]

test('the example on the page is signed as the page says', () => {
  const example = JSON.parse(codeBlock(PAGE, 'json')) as Parameters<typeof eventBody>[0]
  const shown = Object.fromEntries(
    [...codeBlock(PAGE, 'http').matchAll(/^([\w-]+): (.+)$/gm)].map(([, name, value]) => [name!.toLowerCase(), value]),
  )
  const secretOnPage = 'whsec_MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY='
  const exampleBody = Buffer.from(JSON.stringify(example))
  expect(eventBody(example)).toBe(exampleBody.toString())
  expect(shown).toMatchObject(signed(exampleBody, secretOnPage, 1_705_329_900))
  expect(shown['x-webhook-delivery']).toBe(deliveryIdFor(example.id, 'whk_abc123'))
})

describe('Node', () => {
  test("the guide's own words verify a delivery behind express.json()", async () => {
    const post = await startReceiver(
      write(
        'guide.mjs',
        "import express from 'express'\nconst app = express()\napp.use(express.json())\n" +
          'const WEBHOOK_SECRET = process.env.WEBHOOK_SECRET\n' +
          codeBlock(PAGE, 'js guide') +
          'app.listen(process.env.PORT)\n',
      ),
    )
    for (const { title, isValid, ...request } of cases) {
      // It throws where a signature is missing or has another length; Express answers that for it.
      const hasLength = request.signature.length === signature.length
      expect(await post(request.body, request.signature), title).toBe(isValid ? 200 : hasLength ? 401 : 500)
    }
  })

  test('the form that takes the body as it arrived', async () => {
    const post = await startReceiver(write('raw-body.mjs', codeBlock(PAGE, 'js raw-body')))
    for (const { title, isValid, ...request } of cases) {
      expect(await post(request.body, request.signature), title).toBe(isValid ? 200 : 401)
    }
  })

  test('the form with protection against replay', async () => {
    const file = write('standard.mjs', codeBlock(PAGE, 'js standard'))
    const { isFreshFromContextFile: isFresh } = (await import(pathToFileURL(file).href)) as {
      isFreshFromContextFile(body: Buffer, headers: Record<string, string>): boolean
    }
    const now = Math.floor(Date.now() / 1_000)
    process.env.WEBHOOK_SECRET = secret
    try {
      expect(isFresh(body, signed(body, secret, now))).toBe(true)
      expect(isFresh(changedBody, signed(body, secret, now))).toBe(false)
      expect(isFresh(body, signed(body, createSecret(), now))).toBe(false)
      expect(isFresh(body, signed(body, secret, now - 301))).toBe(false)
      expect(isFresh(body, { ...signed(body, secret, now - 301), 'webhook-timestamp': String(now) })).toBe(false)
      expect(isFresh(body, {})).toBe(false)
      const two = { ...signed(body, secret, now) }
      two['webhook-signature'] = `${signed(body, createSecret(), now)['webhook-signature']} ${two['webhook-signature']}`
      expect(isFresh(body, two)).toBe(true)
    } finally {
      delete process.env.WEBHOOK_SECRET
    }
  })
})

test('Python', () => {
  assertInstalled('python3')
  const main = [
    'import sys',
    'for path, signature in zip(sys.argv[1::2], sys.argv[2::2]):',
    '    print(is_from_contextfile(open(path, "rb").read(), signature))',
    'print(is_from_contextfile(b"", None))',
  ]
  const file = write('signature.py', `${codeBlock(PAGE, 'python')}\n${main.join('\n')}\n`)
  expect(verdictsOf('python3', [file, ...caseArguments()])).toEqual([...cases.map(({ isValid }) => isValid), false])
})

test('Java', () => {
  assertInstalled('javac')
  const main = `import java.nio.file.*;
    class Main {
      public static void main(String[] args) throws Exception {
        for (int i = 0; i < args.length; i += 2)
          System.out.println(ContextFileSignature.isValid(Files.readAllBytes(Path.of(args[i])), args[i + 1]));
        System.out.println(ContextFileSignature.isValid(new byte[0], null));
      }
    }`
  const sources = [write('ContextFileSignature.java', codeBlock(PAGE, 'java')), write('Main.java', main)]
  execFileSync('javac', ['-d', folder, ...sources])
  const verdicts = verdictsOf('java', ['-cp', folder, 'Main', ...caseArguments()])
  expect(verdicts).toEqual([...cases.map(({ isValid }) => isValid), false])
})

test('Go', () => {
  assertInstalled('go')
  const main = `package main
    import ("fmt"; "os")
    func main() {
      for i := 1; i < len(os.Args); i += 2 {
        body, _ := os.ReadFile(os.Args[i])
        fmt.Println(IsFromContextFile(body, os.Args[i+1]))
      }
    }`
  const sources = [
    write('signature.go', codeBlock(PAGE, 'go').replace('package webhook', 'package main')),
    write('main.go', main),
  ]
  const verdicts = verdictsOf('go', ['run', ...sources, ...caseArguments()])
  expect(verdicts).toEqual(cases.map(({ isValid }) => isValid))
})

test('openssl', () => {
  assertInstalled('openssl')
  write('body.json', body)
  const printed = execFileSync('sh', ['-c', codeBlock(PAGE, 'sh')], { cwd: folder, env: environment, encoding: 'utf8' })
  expect(printed.trim().split(' ').at(-1)).toBe(signature)
})

function signed(bytes: Buffer, key = secret, timestampSeconds = 1_705_329_900): Record<string, string> {
  return signatureHeaders({ body: bytes, eventId: event.id, timestampSeconds, primarySecret: key, secrets: [key] })
}

function write(name: string, content: string | Buffer): string {
  const path = join(folder, name)
  writeFileSync(path, content)
  return path
}

/** Each case as two arguments: the file of the body, and the signature. */
function caseArguments(): string[] {
  return cases.flatMap((each, i) => [write(`body-${i}`, each.body), each.signature])
}

function verdictsOf(program: string, args: string[]): boolean[] {
  const lines = execFileSync(program, args, { env: environment, encoding: 'utf8' }).trim().split(/\s+/)
  return lines.map((line) => line.toLowerCase() === 'true')
}

/** Starts a receiver that listens on PORT; answers with a function that posts to it and tells the status. */
async function startReceiver(file: string) {
  const port = await freePort()
  const receiver = await startServerProcess({
    name: file,
    command: process.execPath,
    args: [file],
    logFile: `${file}.log`,
    env: { ...environment, PORT: String(port), NODE_ENV: 'production' },
  })
  receivers.push(receiver)
  const post = async (bytes: Buffer, given: string): Promise<number> => {
    const sent = { 'content-type': 'application/json', ...(given && { 'x-webhook-signature': given }) }
    const answer = await fetch(`http://127.0.0.1:${port}/webhook`, { method: 'POST', headers: sent, body: bytes })
    await answer.arrayBuffer()
    return answer.status
  }
  const died = receiver.ended.then(() => Promise.reject(new Error(`${file} ended: ${receiver.lastWords()}`)))
  await Promise.race([eventually(() => post(Buffer.from('{}'), '')), died])
  died.catch(() => {})
  return post
}
