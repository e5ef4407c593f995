export type Rule =
  | 'nothing lost'
  | 'nothing invented'
  | 'nothing altered'
  | 'attempts in order'
  | 'never early'
  | 'no repeat without a cause'
  | 'repeats bounded'
  | 'ended chains stay ended'
  | 'the log tells the truth'
  | 'disabled exactly once'
  | 'every fault happened and healed'
  | 'no incident'

export interface Violation {
  rule: Rule
  /** What it is about, with ids to search the logs for. */
  subject: string
  detail: string
}
