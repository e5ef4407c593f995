/** The work was not finished in its time; it may still go on and what it returns then is ignored. */
export class OutOfTime extends Error {
  constructor(what: string, limitMs: number) {
    super(`${what} took longer than ${limitMs} ms`)
    this.name = 'OutOfTime'
  }
}

/** Waits at most `limitMs` for the work; rejects with OutOfTime then. */
export async function within<T>(limitMs: number, what: string, work: Promise<T>): Promise<T> {
  let timer: NodeJS.Timeout | undefined
  const expiry = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new OutOfTime(what, limitMs)), limitMs)
  })
  try {
    return await Promise.race([work, expiry])
  } finally {
    clearTimeout(timer)
  }
}
