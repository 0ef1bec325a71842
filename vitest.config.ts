import {defineConfig} from 'vitest/config'
import {BaseSequencer, type TestSpecification} from 'vitest/node'

/** By seconds that they take: what is begun last leaves the other worker idle. A file that is not named comes after them, as vitest has it. */
const LONG = [
  'crash-matrix',
  'watchdog-links',
  'upgrade-faults',
  'pgpool-recovery',
  'upgrade.test',
  'upgrade-crash-matrix',
]

class LongestFirst extends BaseSequencer {
  override async sort(files: TestSpecification[]): Promise<TestSpecification[]> {
    const rank = ({moduleId}: TestSpecification): number => {
      const at = LONG.findIndex((name) => moduleId.includes(`/e2e/${name}`))
      return at === -1 ? LONG.length : at
    }
    return (await super.sort(files)).toSorted((one, other) => rank(one) - rank(other))
  }
}

/**
 * Four projects: the first two need no server and no network; the other two start real servers, two files at a time, because such a
 * test waits more than it computes, and every lab has addresses of its own. What real servers do in time depends on what else the
 * machine does, so a test of theirs that fails is run once more; one that fails twice has failed, and the reporter shows each retry.
 */
export default defineConfig({
  test: {
    sequence: {sequencer: LongestFirst},
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
