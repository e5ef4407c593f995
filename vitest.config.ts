import { defineConfig } from 'vitest/config'

// Sources are run as they are: the `source` condition of package.json's imports leads to TypeScript, not to dist.
const ssr = { resolve: { conditions: ['source', 'node'] } }

export default defineConfig({
  test: {
    reporters: ['default'],
    projects: [
      {
        ssr,
        test: {
          name: 'unit',
          include: ['{apps,libs,local,test,bench}/**/*.spec.ts'],
          // Pure tests share their modules: loading them anew for each file took five times as long as the tests.
          isolate: false,
          sequence: { groupOrder: 0 },
        },
      },
      {
        ssr,
        test: {
          name: 'integration',
          include: ['{apps,libs,local,test}/**/*.int-spec.ts'],
          globalSetup: ['test/support/shared-servers.ts'],
          setupFiles: ['test/support/end-with-runner.ts'],
          testTimeout: 60_000,
          hookTimeout: 60_000,
          maxWorkers: 2,
          sequence: { groupOrder: 1 },
        },
      },
      {
        ssr,
        test: {
          name: 'e2e',
          include: ['test/**/*.e2e-spec.ts'],
          globalSetup: ['test/support/shared-servers.ts'],
          setupFiles: ['test/support/end-with-runner.ts'],
          testTimeout: 180_000,
          hookTimeout: 120_000,
          // They mostly wait: for retries, for sessions of killed members.
          maxWorkers: 2,
          sequence: { groupOrder: 2 },
        },
      },
    ],
  },
})
