/**
 * What the new version of an upgrade gets in place of the old one's setting: `upgrade.settings` of the cluster file. A place of its own for
 * the archive, above all. Names are those of the new version, and it is asked itself whether it takes them.
 */
import {quoted, settingIn, type Setting, type SettingChange} from './settings-translation.js'

export type NewSettings = Readonly<Record<string, string>>

/** Settings of the new version with those that the site has named; `settings` are translated already. */
export function withNewSettings(settings: readonly Setting[], given: NewSettings): Setting[] {
  const kept = settings.filter(({name}) => !isGiven(name, given))
  return [...kept, ...Object.entries(given).map(([name, value]) => ({name, value}))]
}

/** As the report has them. A default that the site has set is none. */
export function changesWith(changes: readonly SettingChange[], given: NewSettings, to: number): SettingChange[] {
  const set = Object.entries(given).map(([name, value]): SettingChange => {
    return {name, kind: 'set', since: to, text: `is ${quoted(value)}, as upgrade.settings of the cluster file says`}
  })
  return [...changes.filter(({name, kind}) => kind !== 'default' || !isGiven(name, given)), ...set]
}

type ConfigText = {name: string; text: string}

/**
 * Configuration files of the new version with those settings at the end of `main`, where the last value wins; other lines that set them
 * become comments, also of postgresql.auto.conf, which would win over all. `untouched`: a file that is not rewritten, and may win.
 */
export function giveSettings<F extends ConfigText>(
  files: readonly F[],
  given: NewSettings,
  {main, untouched = null}: {main: string; untouched?: string | null},
): (F | ConfigText)[] {
  if (Object.keys(given).length === 0) return [...files]
  const end = [
    '# upgrade.settings of the cluster file of poolctl',
    // These texts are bytes, a character each.
    ...Object.entries(given).map(
      ([name, value]) => `${name} = ${quoted(Buffer.from(value, 'utf8').toString('latin1'))}`,
    ),
    '',
  ].join('\n')
  const rewritten = files.map((file): F => {
    if (!file.name.endsWith('.conf') || file.name === untouched) return file
    const text = withoutGiven(file.text, given)
    return {...file, text: file.name === main ? `${text}${text === '' || text.endsWith('\n') ? '' : '\n'}${end}` : text}
  })
  return files.some(({name}) => name === main) ? rewritten : [...rewritten, {name: main, text: end}]
}

function withoutGiven(text: string, given: NewSettings): string {
  const lines = text.split('\n').map((line) => {
    const name = settingIn(line)
    return name === null || !isGiven(name, given) ? line : `#${line}  # upgrade.settings of the cluster file`
  })
  return lines.join('\n')
}

function isGiven(name: string, given: NewSettings): boolean {
  return Object.keys(given).some((one) => one.toLowerCase() === name.toLowerCase())
}
