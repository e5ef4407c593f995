import { describe, expect, it } from 'vitest'
import { coloursFor } from './console.js'

describe('colours', () => {
  it('are for terminals only', () => {
    expect(coloursFor({ isTTY: true }, {}).green('right')).toBe('\u001b[32mright\u001b[0m')
    expect(coloursFor({ isTTY: false }, {}).green('right')).toBe('right')
    expect(coloursFor({}, {}).green('right')).toBe('right')
  })

  it('give way to NO_COLOR, unless it is empty', () => {
    expect(coloursFor({ isTTY: true }, { NO_COLOR: '1' }).red('wrong')).toBe('wrong')
    expect(coloursFor({ isTTY: true }, { NO_COLOR: '' }).red('wrong')).not.toBe('wrong')
  })
})
