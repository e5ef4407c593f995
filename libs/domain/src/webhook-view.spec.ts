import fc from 'fast-check'
import { expect, test } from 'vitest'
import { aWebhook } from './builders.testing.js'
import type { SubscribedWebhook } from './webhook.js'
import { MOST_DELETED, type WebhookChange, WebhookView } from './webhook-view.js'

type Change = WebhookChange<SubscribedWebhook>

function viewOf(changes: Change[]): WebhookView<SubscribedWebhook> {
  const view = new WebhookView<SubscribedWebhook>()
  for (const change of changes) view.apply(change)
  return view
}

const changed = (webhook: SubscribedWebhook): Change => ({ kind: 'changed', webhook })
const deleted = (webhookId: string, version: number): Change => ({ kind: 'deleted', webhookId, version })
const ids = (webhooks: Iterable<SubscribedWebhook>) => [...webhooks].map(({ id }) => id).sort()

test('holds the newest version of each webhook, by id and by account', () => {
  const newer = aWebhook({ id: 'whk_1', version: 2, isActive: false })
  const view = viewOf([changed(aWebhook({ id: 'whk_1' })), changed(aWebhook({ id: 'whk_2' })), changed(newer)])
  expect(view.size).toBe(2)
  expect(view.get('whk_1')).toEqual(newer)
  expect(ids(view.ofAccount('acc_1'))).toEqual(['whk_1', 'whk_2'])
})

test('says whether a change was news', () => {
  const view = new WebhookView<SubscribedWebhook>()
  expect(view.apply(changed(aWebhook({ version: 2 })))).toBe(true)
  expect(view.apply(changed(aWebhook({ version: 2 })))).toBe(false)
  expect(view.apply(changed(aWebhook({ version: 1 })))).toBe(false)
  expect(view.apply(deleted('whk_abc123', 3))).toBe(true)
  expect(view.apply(deleted('whk_abc123', 3))).toBe(false)
})

test('an old change cannot revive a deleted webhook, not even one that was never seen alive', () => {
  const view = viewOf([deleted('whk_abc123', 3), changed(aWebhook({ version: 2 }))])
  expect(view.get('whk_abc123')).toBeUndefined()
  expect(view.size).toBe(0)
  expect([...view.ofAccount('acc_1')]).toEqual([])
})

test('remembers the deleted webhooks of late, however many there were', () => {
  const view = new WebhookView<SubscribedWebhook>()
  for (let n = 0; n <= MOST_DELETED; n++) view.apply(deleted(`whk_${n}`, 2))
  expect(view.deletedSize).toBe(MOST_DELETED)
  expect(view.apply(changed(aWebhook({ id: `whk_${MOST_DELETED}`, version: 1 })))).toBe(false)
  expect(view.apply(changed(aWebhook({ id: 'whk_1', version: 1 })))).toBe(false)
})

test("one account's webhooks are not another's", () => {
  const view = viewOf([
    changed(aWebhook({ id: 'whk_1', accountId: 'acc_1' })),
    changed(aWebhook({ id: 'whk_2', accountId: 'acc_2' })),
  ])
  expect(ids(view.ofAccount('acc_2'))).toEqual(['whk_2'])
  expect(ids(view.ofAccount('acc_3'))).toEqual([])
})

/** The whole history of some webhooks, each created, changed and perhaps deleted, interleaved as they were written. */
const history: fc.Arbitrary<Change[]> = fc
  .array(fc.record({ webhook: fc.nat({ max: 3 }), deletes: fc.boolean(), isActive: fc.boolean() }), { maxLength: 20 })
  .map((steps) => {
    const versions = new Map<string, number>()
    const gone = new Set<string>()
    return steps.flatMap(({ webhook, deletes, isActive }) => {
      const id = `whk_${webhook}`
      if (gone.has(id)) return []
      const version = (versions.get(id) ?? 0) + 1
      versions.set(id, version)
      if (version === 1 || !deletes) {
        return [changed(aWebhook({ id, accountId: `acc_${webhook % 2}`, version, isActive }))]
      }
      gone.add(id)
      return [deleted(id, version)]
    })
  })

test('any overlap of a snapshot with the changes around it, in any order, ends in the same view', () => {
  const scenario = history.chain((changes) => {
    const index = fc.nat({ max: changes.length })
    return fc.tuple(index, index).chain(([a, b]) => {
      // The tail starts at an offset that was noted before the snapshot was read.
      const tailStart = Math.min(a, b)
      const snapshot = [...contentOf(viewOf(changes.slice(0, Math.max(a, b)))).values()].map(changed)
      const arriving = [...snapshot, ...changes.slice(tailStart)]
      const repeats = fc.subarray(arriving)
      const order = repeats.chain((again) => {
        const all = [...arriving, ...again]
        return fc.shuffledSubarray(all, { minLength: all.length, maxLength: all.length })
      })
      return fc.tuple(fc.constant(changes), order)
    })
  })
  fc.assert(
    fc.property(scenario, ([changes, arriving]) => {
      expect(contentOf(viewOf(arriving))).toEqual(contentOf(viewOf(changes)))
    }),
    { numRuns: 300 },
  )
})

function contentOf(view: WebhookView<SubscribedWebhook>): Map<string, SubscribedWebhook> {
  const webhooks = ['acc_0', 'acc_1'].flatMap((account) => [...view.ofAccount(account)])
  // Both ways into the view must tell the same.
  expect(webhooks.length).toBe(view.size)
  for (const webhook of webhooks) expect(view.get(webhook.id)).toBe(webhook)
  return new Map(webhooks.map((webhook) => [webhook.id, webhook]))
}
