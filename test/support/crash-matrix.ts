/** The cases of a crash matrix as tests, one after the other on what a case before has left whole. */
import {afterAll, expect, it} from 'vitest'
import {stepCatalog} from '../../src/steps/catalog.js'
import {titleOf, type CrashCase, type Runbook} from './crash-choice.js'
import {openRows, timeIsUp, whole} from './crash-rows.js'

export type CrashMatrix<R extends Runbook, Site> = {
  scenarios: readonly R[]
  /** What a plain run takes; a whole one takes `all` but for the rows that it has. */
  drawn: readonly CrashCase<R>[]
  all: readonly CrashCase<R>[]
  /** Cases in which each kind of step must be. */
  complete: readonly CrashCase<R>[]
  timeoutMs: number
  make: () => Promise<Site>
  end: (site: NoInfer<Site>) => Promise<void>
  /** What the case ended with, for its row. */
  run: (site: NoInfer<Site>, crashCase: CrashCase<R>) => Promise<string>
}

const rows = await openRows()

/** To be called within `describe`. */
export function crashTests<R extends Runbook, Site>(matrix: CrashMatrix<R, Site>): void {
  const {scenarios, make, end, run} = matrix
  /** One for all cases; a case that failed leaves it in an unknown state, so the next one gets a new one. */
  let site: {there: Site} | null = null

  async function onSite(use: (there: Site) => Promise<string>): Promise<string> {
    const there = site === null ? await make() : site.there
    site = null
    try {
      const result = await use(there)
      site = {there}
      return result
    } finally {
      if (site === null) await end(there)
    }
  }

  afterAll(async () => {
    if (site !== null) await end(site.there)
    if (whole) await rows.write()
  })

  // Not it.each: it cuts long titles.
  for (const crashCase of whole ? rows.missing(matrix.all) : matrix.drawn) {
    it(titleOf(crashCase), {timeout: matrix.timeoutMs}, (context) => {
      if (timeIsUp()) return context.skip('the minutes of POOLCTL_MATRIX_MINUTES are over')
      return rows.keep(crashCase, () => onSite((there) => run(there, crashCase)))
    })
  }

  it('leaves out no kind of step that the catalog has for these operations', () => {
    const kinds = new Set(scenarios.flatMap(({steps}) => steps.map(({kind}) => kind)))
    expect([...kinds].filter((kind) => !stepCatalog.has(kind))).toEqual([])
    expect(new Set(matrix.complete.map(({step}) => step.kind))).toEqual(kinds)
  })
}
