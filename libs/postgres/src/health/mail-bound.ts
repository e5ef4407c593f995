/**
 * Mails that an account gets within an hour about its webhooks. With more, a key that has a webhook disabled and enabled
 * again, over and over, would flood its owner and keep the sender from all others; with fewer, the owner of some webhooks
 * at one host would not hear of each. Two replicas that count at the same time may go a little beyond.
 */
export const MOST_MAILS_PER_HOUR = 20

/** Whether so many of the account's notifications within the hour before `at` went by mail, or are to. SQL. */
export function hasItsMails(accountId: string, at: string, condition = 'true'): string {
  return `exists (
    select 1 from notifications n
    where n.account_id = ${accountId} and n.created_at > ${at} - interval '1 hour' and ${condition}
      and (n.next_attempt_at is not null or n.sent_at is not null)
    offset ${MOST_MAILS_PER_HOUR - 1})`
}
