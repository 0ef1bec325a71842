import {expect, test} from 'vitest'
import {checkReport} from '../../../src/operations/upgrade/checks/check.js'
import {upgradeCheckText} from '../../../src/output/text/upgrade-check.js'
import {upgradeSurvey} from '../../support/upgrade-builders.js'

const STYLE = {color: false, columns: 80, wide: false} as const

test('rates stand in one line a machine, and why there are none', () => {
  const survey = upgradeSurvey((s) => {
    const [first, second, third] = s.nodes.map(({machine}) => machine)
    const rates = {measured: true, writeBytesPerSecond: 80 * 1024 ** 2, readBytesPerSecond: 150 * 1024 ** 2} as const
    if (first?.seen) first.rates = {...rates, fromPrimaryBytesPerSecond: null}
    if (second?.seen) second.rates = {...rates, readBytesPerSecond: null, fromPrimaryBytesPerSecond: 7_000_000}
    if (third?.seen) third.rates = {measured: false, why: 'there is too little space'}
  })
  const text = upgradeCheckText(checkReport(survey, null), STYLE)
  expect(text.split('\n\n').find((part) => part.startsWith('Measured'))).toBe(
    [
      'Measured for a moment, beside all that goes on:',
      '  node 0 writes 80 MB/s, reads 150 MB/s',
      '  node 1 writes 80 MB/s, fetches from the primary 6.7 MB/s',
      '  node 2 was not measured: there is too little space',
    ].join('\n'),
  )
  expect(upgradeCheckText(checkReport(upgradeSurvey(), null), STYLE)).not.toContain('Measured')
})
