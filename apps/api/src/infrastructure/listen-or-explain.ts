/** Names the variable that moves a port which somebody else has. */
export async function listenOrExplain(variable: string, port: number, listen: () => Promise<unknown>): Promise<void> {
  try {
    await listen()
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EADDRINUSE') throw error
    const explained = new Error(`Port ${port} is in use: stop what listens there, or set ${variable} to another.`)
    // Where this was thrown tells an operator nothing.
    delete explained.stack
    throw explained
  }
}
