/** Settings in effect, one a line; with their origin when asked. */
import type {Json} from '../../lib/json.js'
import type {ConfigShowData} from '../../report/config.js'
import {escapeText} from '../escape.js'
import type {Style} from '../style.js'
import {table} from '../table.js'

export function configText(data: ConfigShowData, origin: boolean, style: Style): string {
  const head = `cluster file ${escapeText(data.path)} (${data.because})`
  const rows = table<ConfigShowData['settings'][number]>(
    [
      {heading: 'setting', cell: (s) => s.key},
      {heading: 'value', cell: (s) => valueText(s.value)},
      ...(origin
        ? [
            {
              heading: 'from',
              cell: (s: ConfigShowData['settings'][number]) => (s.line === null ? 'default' : `line ${s.line}`),
            },
          ]
        : []),
    ],
    data.settings,
    style,
  )
  return `${head}\n\n${rows}`
}

function valueText(value: Json): string | null {
  if (value === null) return null
  return typeof value === 'string' ? value : JSON.stringify(value)
}
