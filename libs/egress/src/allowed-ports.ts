/** First and last port, both included. */
export type PortRange = readonly [first: number, last: number]

/** Reads `443,1024-65535`. Throws an Error that names the part which is wrong. */
export function parsePorts(text: string): PortRange[] {
  return text.split(',').map((part) => {
    const [, from, to = from] = /^(\d{1,5})(?:-(\d{1,5}))?$/.exec(part.trim()) ?? []
    const [first, last] = [Number(from), Number(to)]
    if (!(first >= 1 && first <= last && last <= 65_535)) {
      throw new Error(`"${part.trim()}" is not a port or a range of ports: write them like 443,1024-65535`)
    }
    return [first, last]
  })
}

export function isAllowedPort(port: number, ranges: readonly PortRange[]): boolean {
  return ranges.some(([first, last]) => port >= first && port <= last)
}

/** As parsePorts reads them. */
export function portsText(ranges: readonly PortRange[]): string {
  return ranges.map(([first, last]) => (first === last ? `${first}` : `${first}-${last}`)).join(',')
}
