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

/** Set by bin/test for files that are run once more: one a line. */
const only = process.env['POOLCTL_TEST_ONLY']?.split('\n')
const filesOf = (project: string): string[] =>
  only?.filter((file) => file.startsWith(`test/${project}/`)) ?? [`test/${project}/**/*.test.ts`]

/**
 * Four projects: the first two need no server and no network; the other two start real servers, two files at a time, because such a
 * test waits more than it computes, and every lab has addresses of its own.
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
          include: filesOf('integration'),
          testTimeout: 120_000,
          hookTimeout: 180_000,
          maxWorkers: 2,
        },
      },
      {test: {name: 'e2e', include: filesOf('e2e'), testTimeout: 300_000, hookTimeout: 300_000, maxWorkers: 2}},
    ],
  },
})
