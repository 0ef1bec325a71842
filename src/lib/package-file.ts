/** Files of the package beside the code: the built program has its parts at other depths than the sources. */
import {existsSync} from 'node:fs'

/** URL of `path` below the package, which is the nearest directory above with a package.json. */
export function packageFile(path: string): URL {
  let root = new URL('./', import.meta.url)
  while (!existsSync(new URL('package.json', root)) && root.pathname !== '/') root = new URL('../', root)
  return new URL(path, root)
}
