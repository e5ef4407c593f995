import { type EgressPolicy, checkUrl } from '#egress'
import { invalidFields } from '../http/invalid-request.js'

/**
 * Whether the dispatcher would call this URL, as far as that shows without asking the DNS.
 * @throws {Problem} 422 at `/url`
 */
export function assertCallable(url: string, policy: EgressPolicy): void {
  const checked = checkUrl(url, policy)
  if (!checked.ok) throw invalidFields([{ pointer: '/url', detail: checked.problem }])
}
