/** Findings in words, with what mends each; the same shape as `status` gives its disagreements. */
import type {PoolAnswer, PoolFinding} from '../../report/pools.js'
import {escapeText} from '../escape.js'
import {paint, type Style} from '../style.js'
import {wrap} from '../table.js'

export function findingsText(findings: readonly Omit<PoolFinding, 'pool'>[], style: Style): string {
  return findings
    .map(({severity, message, code, remedy}) => {
      const mark = severity === 'critical' ? paint(style, 'red', 'x critical:') : paint(style, 'yellow', '! warning:')
      return [
        wrap(`${mark} ${escapeText(message)} (${code})`, style.columns, '  '),
        wrap(`  mend with: ${escapeText(remedy)}`, style.columns, '  '),
      ].join('\n')
    })
    .join('\n')
}

/** `pgpool proxy1 (127.0.0.1:9898)`, and why it did not answer. */
export function poolTitle({pool, reachable, reason}: PoolAnswer, style: Style): string {
  const title = paint(style, 'bold', `pgpool ${escapeText(pool)}`)
  return reachable
    ? title
    : wrap(`${title}: does not answer: ${escapeText(reason ?? 'no reason given')}`, style.columns, '  ')
}
