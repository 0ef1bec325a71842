/** Flags that the commands of an upgrade share. */
import * as Flags from '@oclif/core/flags'
import {countFlag} from './flags.js'

export const majorFlag = {
  to: Flags.string({
    description: 'major version to upgrade to',
    helpValue: 'MAJOR',
    required: true,
    env: 'POOLCTL_UPGRADE_TO',
  }),
}

export function majorValue(text: string): number {
  return countFlag('to', text, 10, 99) ?? 0
}

export const acceptFlag = {
  accept: Flags.string({
    description: 'code of a check that the site knows to be harmless, where the check offers it; may be repeated',
    helpValue: 'CODE',
    multiple: true,
    multipleNonGreedy: true,
    env: 'POOLCTL_ACCEPT',
  }),
}
