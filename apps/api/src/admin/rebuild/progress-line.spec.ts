import { describe, expect, it } from 'vitest'
import { ProgressLine } from './progress-line.js'

function progress(isTTY: boolean) {
  const written: string[] = []
  const clock = { now: 0 }
  const line = new ProgressLine({ isTTY, write: (text) => written.push(text) }, () => clock.now)
  return { line, clock, written }
}

describe('the progress of a command', () => {
  it('is one line that renews itself on a terminal, and leaves no trace', () => {
    const { line, clock, written } = progress(true)

    line.show('1 of 3')
    line.show('2 of 3')
    clock.now = 250
    line.show('3 of 3')
    line.end()

    expect(written).toEqual(['\r\u001b[2K1 of 3', '\r\u001b[2K3 of 3', '\r\u001b[2K'])
  })

  it('is plain lines elsewhere, seconds apart', () => {
    const { line, clock, written } = progress(false)

    line.show('1 of 3')
    clock.now = 4_999
    line.show('2 of 3')
    clock.now = 5_000
    line.show('3 of 3')
    line.end()

    expect(written).toEqual(['1 of 3\n', '3 of 3\n'])
  })

  it('gives way to a line that stays', () => {
    const { line, written } = progress(true)

    line.show('1 of 3')
    line.say('the broker is away')

    expect(written.slice(1)).toEqual(['\r\u001b[2K', 'the broker is away\n'])
  })
})
