import type { KafkaSettings } from '../kafka-settings.js'

/** What Node's TLS takes; undefined for plain text. */
export function tlsOptions({ ssl }: KafkaSettings): { ca?: string[] } | undefined {
  if (!ssl) return undefined
  return ssl === true || ssl.ca === undefined ? {} : { ca: [ssl.ca] }
}
