/**
 * Text from servers, hosts and files on its way to a terminal. A node name or an error message that holds an escape sequence
 * could move the cursor over our own words or retitle the window; it is shown instead of obeyed.
 */
export function escapeText(text: string): string {
  return text.replaceAll(CONTROL, (character) => {
    const code = character.codePointAt(0) ?? 0
    return code <= 0xff ? `\\x${code.toString(16).padStart(2, '0')}` : `\\u{${code.toString(16)}}`
  })
}

/** As `escapeText`, for details that span lines: line feeds stay, and a tab becomes spaces. */
export function escapeLines(text: string): string {
  return text
    .replaceAll('\r\n', '\n')
    .split('\n')
    .map((line) => escapeText(line.replaceAll('\t', '    ')))
    .join('\n')
}

/** C0, DEL, C1, the bidirectional overrides (which reorder what is read, CVE-2021-42574) and the line separators. */

const CONTROL = /[\u0000-\u001f\u007f-\u009f\u200e\u200f\u2028-\u202e\u2066-\u2069]/g
