import { StartConsole } from './console.js'
import { deliveryLine, type SeenDelivery } from './delivery-line.js'
import { localFolder, prepareFolder, resetFolder } from './local-folder.js'
import { LocalStack } from './local-stack.js'
import { RunClaim } from './run-file.js'
import { parseStartArguments, usage, type StartArguments } from './start-arguments.js'
import { stopRequest } from './stop-request.js'
import { summary } from './summary.js'

/** `npm start`, built. @returns the exit code, when everything has been stopped again */
export async function start(argv: readonly string[]): Promise<number> {
  const out = new StartConsole()
  try {
    const wishes = parseStartArguments(argv)
    if (wishes.help) out.line(usage)
    else await runStack(wishes, out)
    return 0
  } catch (error) {
    out.error(error instanceof Error ? error.message : String(error))
    return 1
  }
}

async function runStack(wishes: StartArguments, out: StartConsole): Promise<void> {
  const folder = localFolder()
  const claim = await RunClaim.take(folder.runFile, [folder.stackFile], ({ name, pid }) =>
    out.warn(`stopping ${name}, process ${pid}, which an earlier npm start left behind`),
  )
  const signal = stopRequest(() => out.line('\nStopping: services first, then broker and database …'))
  try {
    if (wishes.reset) await resetFolder(folder)
    await prepareFolder(folder)
    await bringUpAndShow(wishes, { folder, claim, out, signal })
  } finally {
    await claim.release()
  }
}

type Surroundings = Pick<ConstructorParameters<typeof LocalStack>[0], 'folder' | 'claim' | 'out' | 'signal'>

async function bringUpAndShow(wishes: StartArguments, surroundings: Surroundings): Promise<void> {
  const { out, signal } = surroundings
  const deliveries = deliveryList(out)
  const stack = new LocalStack({ ...surroundings, sample: wishes.sample, onDelivery: deliveries.show })
  out.line(out.colours.bold('ContextFile webhooks: the local stack'))
  try {
    const facts = await stack.bringUp()
    out.line(summary({ stack: facts, elapsed: out.elapsed(), webhookUrl: stack.webhookUrl }, out.colours))
    deliveries.begin()
    await aborted(signal)
  } catch (error) {
    // Stopped in the middle of the start: what was under way failed for that reason.
    if (!signal.aborted) throw error
  } finally {
    await stack.takeDown()
    if (signal.aborted) out.line('Stopped.')
  }
}

// Deliveries that come in before the summary are shown below it.
function deliveryList(out: StartConsole): { show(seen: SeenDelivery): void; begin(): void } {
  let early: SeenDelivery[] | undefined = []
  const print = (seen: SeenDelivery): void => out.line(deliveryLine(seen, out.colours))
  return {
    show: (seen) => (early ? void early.push(seen) : print(seen)),
    begin() {
      early?.forEach(print)
      early = undefined
    },
  }
}

function aborted(signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal.aborted) resolve()
    else signal.addEventListener('abort', () => resolve(), { once: true })
  })
}
