import {defineConfig} from 'vitest/config'

/**
 * Four projects: the first two need no server and no network; the other two start real servers, two files at a time, because such a
 * test waits more than it computes, and every lab has addresses of its own. What real servers do in time depends on what else the
 * machine does, so a test of theirs that fails is run once more; one that fails twice has failed, and the reporter shows each retry.
 */
export default defineConfig({
  test: {
    disableConsoleIntercept: true,
    projects: [
      {test: {name: 'unit', include: ['test/unit/**/*.test.ts'], testTimeout: 20_000}},
      {test: {name: 'contract', include: ['test/contract/**/*.test.ts'], testTimeout: 20_000}},
      {
        test: {
          name: 'integration',
          include: ['test/integration/**/*.test.ts'],
          testTimeout: 120_000,
          hookTimeout: 180_000,
          maxWorkers: 2,
          retry: 1,
        },
      },
      {
        test: {
          name: 'e2e',
          include: ['test/e2e/**/*.test.ts'],
          testTimeout: 300_000,
          hookTimeout: 300_000,
          maxWorkers: 2,
          retry: 1,
        },
      },
    ],
  },
})
