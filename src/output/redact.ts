/**
 * The last net before a stream: text of other programs (a server's message, a log line, a command) may quote a secret that
 * never passed through `Secret`. Forms are recognised, not key names of ours, since the text is not ours.
 */

const DOTS = '••••'

const FORMS: readonly [RegExp, string][] = [
  // postgres://user:secret@host
  [/\b([a-z][a-z0-9+.-]*:\/\/[^\s:/@]+):[^\s/@]+@/gi, `$1:${DOTS}@`],
  // password=secret, password='a secret', PGPASSWORD=secret, "password": "secret", also with _ or - around the word
  [
    /((?:[\w-]*(?:password|passwd|passphrase|secret|token)|pwd)["']?\s*[=:]\s*)('(?:[^'\\]|\\.|'')*'|"(?:[^"\\]|\\.)*"|[^\s,;&]+)/gi,
    `$1${DOTS}`,
  ],
  // host:port:user:secret and host:port:database:user:secret, lines of password files, wherever they are quoted
  [/([^\s:]+:(?:\d{2,5}|\*):[^\s:]+:(?:[^\s:]+:)?)\S+/g, `$1${DOTS}`],
  // --password secret
  [/(--?[\w-]*(?:password|passwd|secret|token))(\s+)(?!-)(\S+)/gi, `$1$2${DOTS}`],
  [/-----BEGIN [A-Z ]*PRIVATE KEY-----[\s\S]*?(?:-----END [A-Z ]*PRIVATE KEY-----|$)/g, `${DOTS} (private key)`],
]

/** `text` with everything that looks like a secret replaced by dots. */
export function redact(text: string): string {
  return FORMS.reduce((rest, [form, replacement]) => rest.replaceAll(form, replacement), text)
}
