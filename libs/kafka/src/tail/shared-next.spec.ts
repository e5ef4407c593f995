import { describe, expect, it } from 'vitest'
import { SharedNext } from './shared-next.js'

function setUp() {
  const answers: ((value: number) => void)[] = []
  const failures: ((error: Error) => void)[] = []
  const shared = new SharedNext<number>(
    () =>
      new Promise((resolve, reject) => {
        answers.push(resolve)
        failures.push(reject)
      }),
  )
  return { shared, answers, failures }
}

const turn = () => new Promise((resolve) => setImmediate(resolve))

describe('SharedNext', () => {
  it('lets all who ask in one turn share one request', async () => {
    const { shared, answers } = setUp()
    const asked = [shared.get(), shared.get(), shared.get()]
    await turn()
    expect(answers).toHaveLength(1)
    answers[0]!(7)
    expect(await Promise.all(asked)).toEqual([7, 7, 7])
  })

  it('never answers with a request that was sent before the call', async () => {
    const { shared, answers } = setUp()
    const early = shared.get()
    await turn()
    const late = [shared.get(), shared.get()]
    await turn()
    expect(answers).toHaveLength(1)
    answers[0]!(1)
    expect(await early).toBe(1)
    await turn()
    expect(answers).toHaveLength(2)
    answers[1]!(2)
    expect(await Promise.all(late)).toEqual([2, 2])
  })

  it('does not pass a failure on to those who asked later', async () => {
    const { shared, answers, failures } = setUp()
    const early = shared.get()
    await turn()
    const late = shared.get()
    failures[0]!(new Error('lost'))
    await expect(early).rejects.toThrow('lost')
    await turn()
    answers[1]!(3)
    expect(await late).toBe(3)
  })
})
