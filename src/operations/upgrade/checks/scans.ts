/** Objects in databases that a newer major cannot take: which scan applies to which pair of versions, and what is to be done. */
import type {Found, ScanName, UpgradeContent} from '../../../ports/upgrade-check.js'
import {acceptable, counted, listed, stop, warn, type Finding} from './finding.js'

type Scan = {
  code: string
  severity: 'stop' | 'acceptable' | 'warn'
  /** Old versions that can have it; new versions that do not take it. */
  from: (major: number) => boolean
  to: (major: number) => boolean
  one: string
  many: string
  why: string
  hint: string
}

const always = (): boolean => true
const upTo =
  (last: number) =>
  (major: number): boolean =>
    major <= last
const since =
  (first: number) =>
  (major: number): boolean =>
    major >= first

/** Versions as in pg_upgrade's check.c and the release notes of the major named in `to`. */
export const SCANS: Readonly<Record<ScanName, Scan>> = {
  'reg-columns': {
    code: 'REG_COLUMNS',
    severity: 'stop',
    from: always,
    to: always,
    one: 'column has a reg* type',
    many: 'columns have a reg* type',
    why: 'Their values are object numbers, which pg_upgrade does not keep (regclass, regrole and regtype are kept).',
    hint: 'Change their type to text: ALTER TABLE … ALTER COLUMN … TYPE text; change it back afterwards if you need to.',
  },
  'system-composites': {
    code: 'SYSTEM_COMPOSITE_COLUMNS',
    severity: 'stop',
    from: always,
    to: always,
    one: "column has a system catalog's row type",
    many: 'columns have the row type of a system catalog',
    why: 'Such a type changes from version to version, and so does its number.',
    hint: 'Drop the columns, or keep what they hold as text or jsonb.',
  },
  'sql-identifier': {
    code: 'SQL_IDENTIFIER_COLUMNS',
    severity: 'stop',
    from: upTo(11),
    to: since(12),
    one: 'column has the type information_schema.sql_identifier',
    many: 'columns have the type information_schema.sql_identifier',
    why: 'It is stored as name since 12 and was varchar before.',
    hint: 'Change their type: ALTER TABLE … ALTER COLUMN … TYPE text',
  },
  'removed-types': {
    code: 'REMOVED_TYPE_COLUMNS',
    severity: 'stop',
    from: upTo(11),
    to: since(12),
    one: 'column has the type abstime, reltime or tinterval',
    many: 'columns have the types abstime, reltime or tinterval',
    why: 'These types are gone in 12.',
    hint: 'Change their type: timestamptz for abstime, interval for reltime, tstzrange for tinterval',
  },
  aclitem: {
    code: 'ACLITEM_COLUMNS',
    severity: 'stop',
    from: upTo(15),
    to: since(16),
    one: 'column has the type aclitem',
    many: 'columns have the type aclitem',
    why: 'It is stored in another form since 16.',
    hint: 'Change their type: ALTER TABLE … ALTER COLUMN … TYPE text',
  },
  'with-oids': {
    code: 'TABLES_WITH_OIDS',
    severity: 'stop',
    from: upTo(11),
    to: since(12),
    one: 'table was made WITH OIDS',
    many: 'tables were made WITH OIDS',
    why: 'Hidden oid columns are gone in 12.',
    hint: 'ALTER TABLE … SET WITHOUT OIDS (it rewrites the table)',
  },
  'postfix-operators': {
    code: 'POSTFIX_OPERATORS',
    severity: 'stop',
    from: upTo(13),
    to: since(14),
    one: 'operator stands behind its operand',
    many: 'operators stand behind their operand',
    why: 'Postfix operators are gone in 14.',
    hint: 'DROP OPERATOR … and call its function instead',
  },
  'encoding-conversions': {
    code: 'ENCODING_CONVERSIONS',
    severity: 'stop',
    from: upTo(13),
    to: since(14),
    one: "encoding conversion is the site's own",
    many: "encoding conversions are the site's own",
    why: 'The functions of conversions have another signature since 14.',
    hint: 'DROP CONVERSION …, and make it again afterwards with a function of the new signature',
  },
  'polymorphic-functions': {
    code: 'POLYMORPHIC_FUNCTIONS',
    severity: 'stop',
    from: upTo(13),
    to: since(14),
    one: "object uses an array function's old signature",
    many: 'objects use the old signature of an array function',
    why: 'array_append and its kind take anycompatible types since 14, so the old names do not resolve.',
    hint: 'Drop them, and make them again afterwards with anycompatiblearray and anycompatible',
  },
  'not-null-inheritance': {
    code: 'NOT_NULL_INHERITANCE',
    severity: 'stop',
    from: upTo(17),
    to: since(18),
    one: "child's column may be null where its parent's may not",
    many: 'columns of children may be null where those of their parents may not',
    why: 'NOT NULL is a constraint that is inherited since 18.',
    hint: 'ALTER TABLE ONLY … ALTER COLUMN … SET NOT NULL on the children',
  },
  'unready-subscriptions': {
    code: 'SUBSCRIPTIONS_NOT_READY',
    severity: 'stop',
    from: since(17),
    to: always,
    one: 'subscribed table is still being synchronised',
    many: 'subscribed tables are still being synchronised',
    why: 'pg_upgrade carries subscriptions of 17 and later only when all their tables are ready.',
    hint: 'Wait until srsubstate in pg_subscription_rel is r for all of them, or drop the subscription',
  },
  subscriptions: {
    code: 'SUBSCRIPTIONS_DISABLED',
    severity: 'warn',
    from: upTo(16),
    to: always,
    one: 'subscription comes over disabled',
    many: 'subscriptions come over disabled',
    why: 'Of a subscription of 16 and earlier pg_upgrade carries the definition alone: not which tables it has, nor how far it is. What is published meanwhile is kept by its slot on the publisher.',
    hint: 'Afterwards: ALTER SUBSCRIPTION … ENABLE; ALTER SUBSCRIPTION … REFRESH PUBLICATION WITH (copy_data = false)',
  },
  'gist-inet': {
    code: 'GIST_INET_INDEXES',
    severity: 'stop',
    from: upTo(18),
    to: since(19),
    one: 'index uses gist_inet_ops or gist_cidr_ops of btree_gist',
    many: 'indexes use gist_inet_ops or gist_cidr_ops of btree_gist',
    why: 'These operator classes may miss rows, and pg_upgrade to 19 refuses indexes that use them.',
    hint: "Make them anew with PostgreSQL's own class, CREATE INDEX CONCURRENTLY … USING gist (… inet_ops), then DROP INDEX the old ones",
  },
  'unicode-dependent': {
    code: 'UNICODE_DEPENDENT',
    severity: 'warn',
    from: since(17),
    to: since(18),
    one: "index is made by an expression in PostgreSQL's own Unicode order",
    many: "indexes are made by expressions in PostgreSQL's own Unicode order",
    why: 'What lower(), a regular expression and the like say of characters comes with the Unicode version of each major; for characters that were assigned since, such an index may miss rows.',
    hint: 'REINDEX INDEX CONCURRENTLY … after the upgrade, where such characters may be in the data',
  },
  'invalid-indexes': {
    code: 'INVALID_INDEXES',
    severity: 'warn',
    from: always,
    to: always,
    one: 'index is not valid',
    many: 'indexes are not valid',
    why: 'A CREATE INDEX CONCURRENTLY was broken off. No query uses them, and pg_upgrade leaves them behind.',
    hint: 'REINDEX INDEX CONCURRENTLY …, or DROP INDEX …',
  },
  'stale-indexes': {
    code: 'STALE_INDEXES',
    severity: 'warn',
    from: always,
    to: always,
    one: 'index is in the order of another version of its library',
    many: 'indexes are in the order of another version of their library',
    why: 'They may miss rows. The new version records the library of today, so nothing would say so any more.',
    hint: 'REINDEX INDEX CONCURRENTLY …, before or after the upgrade; the report lists them',
  },
  'stale-default-indexes': {
    code: 'STALE_INDEXES',
    severity: 'warn',
    from: (major) => major >= 15,
    to: always,
    one: "index is in the database's order by another version of its library",
    many: "indexes are in the database's order by another version of its library",
    why: 'They may miss rows. The new version records the library of today, so nothing would say so any more.',
    hint: 'REINDEX INDEX CONCURRENTLY …, before or after the upgrade; the report lists them',
  },
  'version-dependent-collations': {
    code: 'COLLATION_VERSIONS',
    severity: 'warn',
    from: always,
    to: always,
    one: 'collation was made by another version of its library',
    many: 'collations were made by another version of their library',
    why: 'Indexes on text in this order may be wrong already.',
    hint: 'REINDEX what uses them, then: ALTER COLLATION … REFRESH VERSION',
  },
}

export function scansFor(from: number, to: number): ScanName[] {
  return (Object.keys(SCANS) as ScanName[]).filter((name) => SCANS[name].from(from) && SCANS[name].to(to))
}

/** One finding a kind, with the objects in it: fifty columns of one type are one thing to do. */
export function checkScans(content: UpgradeContent): Finding[] {
  return (Object.entries(content.scans) as [ScanName, Found[]][]).flatMap(([name, found]) => {
    if (found.length === 0) return []
    const scan = SCANS[name]
    const make = {stop, acceptable, warn}[scan.severity]
    return [
      make({
        code: scan.code,
        area: 'content',
        message: `${counted(found.length, scan.one, scan.many)}: ${listed(found.map(named))}`,
        detail: scan.why,
        hint: scan.hint,
      }),
    ]
  })
}

function named({database, object}: Found): string {
  return `${object} in ${database}`
}
