/** HTML put together from values: every text passes here, so that none can be read as markup, and no secret is printed. */
import {escapeText} from '../escape.js'
import {redact} from '../redact.js'

export type Markup = {readonly html: string}

const ENTITIES: Readonly<Record<string, string>> = {'&': '&amp;', '<': '&lt;', '>': '&gt;', '"': '&quot;', "'": '&#39;'}

/** Text of records, servers and files as text of a page. */
export function text(value: string | number): string {
  const shown = String(value)
    .split('\n')
    .map((line) => escapeText(redact(line)))
    .join('\n')
  return shown.replaceAll(/[&<>"']/g, (character) => ENTITIES[character] ?? character)
}

/** A template whose values are escaped, except those that are markup already; lists are joined, null and false are nothing. */
export function markup(
  parts: TemplateStringsArray,
  ...values: (string | number | null | false | Markup | readonly Markup[])[]
): Markup {
  const written = values.map((value) => {
    if (value === null || value === false) return ''
    if (typeof value === 'string' || typeof value === 'number') return text(value)
    return 'html' in value ? value.html : value.map((part) => part.html).join('')
  })
  return {html: parts.map((part, index) => part + (written[index] ?? '')).join('')}
}
