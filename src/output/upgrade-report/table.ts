/** Every table of the page: headings, then rows. A heading with `number` stands over figures, which are set to the right. */
import {markup, type Markup} from './markup.js'

export type Heading = string | {number: string}

export function table(headings: readonly Heading[], rows: Markup | readonly Markup[], name = ''): Markup {
  const heads = headings.map((heading) =>
    typeof heading === 'string' ? markup`<th>${heading}</th>` : markup`<th class="number">${heading.number}</th>`,
  )
  return markup`<table class="${name}">
    <thead>
      <tr>
        ${heads}
      </tr>
    </thead>
    <tbody>
      ${rows}
    </tbody>
  </table>`
}
