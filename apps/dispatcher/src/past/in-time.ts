/** What the work comes to, or undefined when that takes longer. Rejects only where the work does so in time. */
export async function inTime<T>(work: Promise<T>, ms: number): Promise<T | undefined> {
  let timer: NodeJS.Timeout | undefined
  const passed = new Promise<undefined>((resolve) => (timer = setTimeout(resolve, ms, undefined)))
  try {
    return await Promise.race([work, passed])
  } finally {
    clearTimeout(timer)
  }
}
