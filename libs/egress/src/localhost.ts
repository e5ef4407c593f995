/** Whether a name is this machine for everybody (RFC 6761), so that it is never asked of the DNS. */
export function isLocalhost(hostname: string): boolean {
  return /(^|\.)localhost\.?$/.test(hostname)
}

/** What such a name leads to; the policy says which of them may be used. */
export const loopbackAddresses: readonly string[] = ['127.0.0.1', '::1']
