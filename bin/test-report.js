#!/usr/bin/env node
/**
 * What vitest's JSON report says, for bin/test.
 *
 *   bin/test-report.js counts REPORT STATUS    `PASSED FAILED`; a run that failed without a failed test counts as one failure
 *   bin/test-report.js failed REPORT           the files with a failure, one a line, as vitest is given them
 *   bin/test-report.js merge REPORT AGAIN      the files of AGAIN take the place of the same ones in REPORT; says how each fared
 */
import {readFileSync, writeFileSync} from 'node:fs'

const read = (path) => {
  try {
    return JSON.parse(readFileSync(path, 'utf8')).testResults
  } catch {
    return []
  }
}

const tests = (file, status) => file.assertionResults.filter((one) => one.status === status)
/** A file that does not load has no test and has failed. */
const failures = (file) => Math.max(tests(file, 'failed').length, file.status === 'passed' ? 0 : 1)
const sum = (files, count) => files.reduce((total, file) => total + count(file), 0)
/** A tree has the project at a place of its own. */
const nameOf = ({name}) => name.slice(name.lastIndexOf('/test/') + 1)

function counts(path, status) {
  const files = read(path)
  const passed = sum(files, (file) => tests(file, 'passed').length)
  const failed = sum(files, failures)
  return `${passed} ${failed === 0 && (status !== '0' || passed === 0) ? 1 : failed}`
}

function merge(path, again) {
  const second = new Map(read(again).map((file) => [nameOf(file), file]))
  const merged = read(path).map((file) => second.get(nameOf(file)) ?? file)
  const said = read(path)
    .filter((file) => second.has(nameOf(file)))
    .flatMap((file) => {
      const now = second.get(nameOf(file))
      const verdict = failures(now) === 0 ? 'passed the second time' : `failed again (${failures(now)})`
      return [
        `${nameOf(file)}: ${verdict}`,
        ...tests(file, 'failed').map(({fullName}) => `  failed at first: ${fullName}`),
      ]
    })
  writeFileSync(path, JSON.stringify({testResults: merged}))
  return said.join('\n')
}

const [verb, path, other] = process.argv.slice(2)
const verbs = {
  counts: () => counts(path, other),
  failed: () =>
    read(path)
      .filter((file) => failures(file) > 0)
      .map(nameOf)
      .join('\n'),
  merge: () => merge(path, other),
}
console.log(verbs[verb]())
