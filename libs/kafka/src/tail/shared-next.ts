/**
 * Coalesces calls of a request whose answer must not be older than the call: while one is under way, all who come
 * share the next one. So at most one is outstanding, however many ask.
 */
export class SharedNext<T> {
  private underWay: Promise<unknown> | undefined
  private next: Promise<T> | undefined

  constructor(private readonly request: () => Promise<T>) {}

  get(): Promise<T> {
    this.next ??= this.afterCurrent()
    return this.next
  }

  private async afterCurrent(): Promise<T> {
    // Its failure is told to those who asked for it.
    await this.underWay?.catch(() => undefined)
    this.next = undefined
    const request = this.request()
    this.underWay = request
    return request
  }
}
