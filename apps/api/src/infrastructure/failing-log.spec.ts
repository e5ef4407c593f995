import { expect, it, vi } from 'vitest'
import { FailingLog } from './failing-log.js'

it('says once that something fails, and once that it works again', () => {
  const logger = { info: vi.fn(), warn: vi.fn(), error: vi.fn() }
  const failing = new FailingLog(logger, 'error', 'it fails', 'it works again')
  failing.succeeded()
  const error = new Error('away')
  failing.failed(error)
  failing.failed(new Error('still away'))
  expect(failing.isFailing).toBe(true)
  failing.succeeded({ count: 2 })
  failing.succeeded()
  expect(failing.isFailing).toBe(false)
  expect(logger.error.mock.calls).toEqual([[{ err: error }, 'it fails']])
  expect(logger.info.mock.calls).toEqual([[{ count: 2 }, 'it works again']])
  expect(logger.warn).not.toHaveBeenCalled()
})
