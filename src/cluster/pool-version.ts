/** Pgpool-II's version as `SHOW POOL_VERSION` begins with it (`4.3.5`). */

/** What docs/compatibility.md has a row for. A later release may mean something else by the same words. */
export const NEWEST_TESTED_POOL = '4.7'

/** Its release came after everything this was tried with. What does not say its version is not taken for a new one. */
export function isUntestedPool(version: string | null): boolean {
  const release = releaseOf(version ?? '')
  const newest = releaseOf(NEWEST_TESTED_POOL)
  if (release === null || newest === null) return false
  return release.major > newest.major || (release.major === newest.major && release.minor > newest.minor)
}

function releaseOf(version: string): {major: number; minor: number} | null {
  const match = /^(\d+)\.(\d+)/.exec(version)
  return match ? {major: Number(match[1]), minor: Number(match[2])} : null
}
