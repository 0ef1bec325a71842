/** The cluster file for `config show`, loaded only when it is asked for. */
import type {ConfigShowData} from '../report/config.js'

export async function showConfig(flag: string | undefined): Promise<{data: ConfigShowData; name: string}> {
  const [{requireClusterFile}, {settingsOf}] = await Promise.all([
    import('../cluster/config/locate.js'),
    import('../cluster/config/origin.js'),
  ])
  const found = await requireClusterFile(flag)
  return {name: found.file.name, data: {path: found.file.path, because: found.because, settings: settingsOf(found)}}
}
