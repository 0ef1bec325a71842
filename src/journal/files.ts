/** Files that are still there after a power cut: content and name both flushed, readable by their owner alone. */
import {open} from 'node:fs/promises'

/** Flushes a directory's names: without it a new file can be gone after a power cut although its content was flushed. */
export async function syncDirectory(path: string): Promise<void> {
  const handle = await open(path, 'r')
  try {
    await handle.sync()
  } finally {
    await handle.close()
  }
}

/** Creates `path` (which must not exist), mode 0600, flushed. */
export async function writeSynced(path: string, content: string | Buffer): Promise<void> {
  const handle = await open(path, 'wx', 0o600)
  try {
    await handle.writeFile(content)
    await handle.sync()
  } finally {
    await handle.close()
  }
}

export function isMissing(error: unknown): boolean {
  return (error as NodeJS.ErrnoException).code === 'ENOENT'
}
