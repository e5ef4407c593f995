import { expect, test } from 'vitest'
import { parseOpenFilesLimit } from './file-descriptor-limit.js'

test('reads the soft limit', () => {
  const limits = [
    'Limit                     Soft Limit           Hard Limit           Units     ',
    'Max processes             96365                96365                processes ',
    'Max open files            1024                 1048576              files     ',
  ].join('\n')
  expect(parseOpenFilesLimit(limits)).toBe(1_024)
})

test('an unlimited or missing line is no limit', () => {
  expect(parseOpenFilesLimit('Max open files            unlimited            unlimited            files')).toBeNull()
  expect(parseOpenFilesLimit('')).toBeNull()
})
