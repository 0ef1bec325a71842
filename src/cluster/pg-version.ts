/** PostgreSQL's version number (`server_version_num`, e.g. 150018) and what differs between majors. */

export function pgMajor(versionNum: number): number {
  return Math.floor(versionNum / 10_000)
}

/** `15.18`, as PostgreSQL writes its own version since 10. */
export function formatPgVersion(versionNum: number): string {
  return `${pgMajor(versionNum)}.${versionNum % 10_000}`
}

/** What docs/compatibility.md has a row for. A later major may mean something else by the same words. */
export const NEWEST_TESTED_PG = 18

/** Majors among these that came after everything this was tried with, ascending. */
export function untestedMajors(versionNums: readonly number[]): number[] {
  const majors = versionNums.map(pgMajor).filter((major) => major > NEWEST_TESTED_PG)
  return [...new Set(majors)].toSorted((a, b) => a - b)
}

/** The functions that open and close a backup were renamed in 15 and the exclusive mode was removed (release notes 15). */
export function backupFunctions(major: number): {start: string; stop: string; nonExclusiveArgument: boolean} {
  return major >= 15
    ? {start: 'pg_backup_start', stop: 'pg_backup_stop', nonExclusiveArgument: false}
    : {start: 'pg_start_backup', stop: 'pg_stop_backup', nonExclusiveArgument: true}
}
