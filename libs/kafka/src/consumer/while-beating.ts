import { MUST_JOIN } from '../client/insist-on-join.js'

/**
 * Waits for the work, or the signal, while it keeps the membership alive, which kafkajs does only between batches.
 * Rejects with kafkajs' own error as soon as the group rebalances; the work goes on then, unobserved. The work must
 * not reject.
 */
export async function whileBeating(
  work: Promise<void>,
  heartbeat: () => Promise<void>,
  everyMs: number,
  signal: AbortSignal,
): Promise<void> {
  if ((await isDoneThisTurn(work)) || signal.aborted) return
  let stop!: () => void
  let timer: NodeJS.Timeout | undefined
  const leaving = new Promise<void>((resolve, reject) => {
    stop = resolve
    signal.addEventListener('abort', stop)
    timer = setInterval(() => {
      heartbeat().catch((error: { type?: string }) => {
        // Fallen out of the group or about to: waiting any longer would make the others wait for us. A lost connection is
        // no reason: kafkajs finds it by itself after the batch.
        if (MUST_JOIN.has(error.type ?? '')) reject(error)
      })
    }, everyMs)
  })
  try {
    await Promise.race([work, leaving])
  } finally {
    clearInterval(timer)
    signal.removeEventListener('abort', stop)
  }
}

/** Most handlers only enqueue: nothing needs to be set up for them. */
async function isDoneThisTurn(work: Promise<void>): Promise<boolean> {
  let isDone = false
  let immediate!: NodeJS.Immediate
  const turn = new Promise<void>((resolve) => (immediate = setImmediate(resolve)))
  await Promise.race([work.then(() => (isDone = true)), turn])
  clearImmediate(immediate)
  return isDone
}
