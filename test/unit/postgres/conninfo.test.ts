import fc from 'fast-check'
import {describe, expect, it} from 'vitest'
import {
  formatConninfo,
  parseConninfo,
  redactCommand,
  redactConninfo,
  sqlLiteral,
  standbyConninfo,
} from '../../../src/postgres/conninfo.js'

/** libpq's conninfo_parse, character by character as in fe-connect.c, written without looking at ours. */
function libpq(text: string): Record<string, string> {
  const out = new Map<string, string>()
  const isSpace = (c: string | undefined): boolean => c !== undefined && ' \t\n\r\f\v'.includes(c)
  let at = 0
  while (at < text.length) {
    if (isSpace(text[at])) {
      at += 1
      continue
    }
    let name = ''
    while (at < text.length && text[at] !== '=' && !isSpace(text[at])) name += text[at++] ?? ''
    while (isSpace(text[at])) at += 1
    if (text[at] !== '=') throw new Error(`missing "=" after "${name}"`)
    at += 1
    while (isSpace(text[at])) at += 1
    let value = ''
    if (text[at] === "'") {
      at += 1
      for (;;) {
        if (at >= text.length) throw new Error('unterminated quoted string')
        if (text[at] === "'") break
        if (text[at] === '\\') at += 1
        value += text[at++] ?? ''
      }
      at += 1
    } else {
      while (at < text.length && !isSpace(text[at])) {
        if (text[at] === '\\') at += 1
        value += text[at++] ?? ''
      }
    }
    out.set(name, value)
  }
  return Object.fromEntries(out)
}

const connection = {
  host: '10.0.0.11',
  port: 5433,
  user: 'repl',
  applicationName: 'node 1',
  slot: 'poolctl_node_1',
  passfile: "/srv/it's here/.pgpass",
}

describe('formatConninfo', () => {
  it('is read back by libpq as it was given, whatever the values hold', () => {
    const name = fc.stringMatching(/^[a-z_]{1,12}$/)
    const pairs = fc.uniqueArray(fc.tuple(name, fc.string({unit: 'grapheme'})), {selector: ([k]) => k, maxLength: 6})
    fc.assert(
      fc.property(pairs, (given) => {
        expect(libpq(formatConninfo(given))).toEqual(Object.fromEntries(given))
        expect(parseConninfo(formatConninfo(given))).toEqual(given)
      }),
    )
  })
})

describe('parseConninfo', () => {
  it.each([
    [`host=a port = 5432   user= 'x y'`],
    [String.raw`a=b\ c d=e\'f g=''`],
    [`passfile='/var/lib/x/.pgpass' channel_binding=prefer`],
    [`a=b'c`],
    ['  '],
  ])('reads %j as libpq does', (text) => {
    expect(Object.fromEntries(parseConninfo(text) ?? [['failed', '']])).toEqual(libpq(text))
  })

  it.each([["host='open"], ['host'], ['=x']])('refuses %j', (text) => {
    expect(parseConninfo(text)).toBeNull()
  })
})

describe('redactConninfo', () => {
  it('hides passwords and keeps the rest', () => {
    expect(redactConninfo("host=db0 password='a b' sslpassword=k passfile=/p")).toBe(
      "host='db0' password='••••' sslpassword='••••' passfile='/p'",
    )
  })

  it('hides them in the URI form', () => {
    expect(redactConninfo('postgresql://repl:s3cret@db0:5432/x?password=t&sslmode=require')).toBe(
      'postgresql://repl:••••@db0:5432/x?password=••••&sslmode=require',
    )
  })

  it('shows nothing of a text that it cannot read', () => {
    expect(redactConninfo("password='s3cret")).toBe('(unreadable)')
  })

  it('never lets a password through, however it is written', () => {
    fc.assert(
      fc.property(fc.stringMatching(/^[a-z'\\ @:/?=]{0,20}$/), (noise) => {
        expect(
          redactConninfo(
            formatConninfo([
              ['host', noise],
              ['password', `${noise}CANARY`],
            ]),
          ),
        ).not.toContain('CANARY')
      }),
    )
  })
})

describe('standbyConninfo', () => {
  it('names host, port, user, application and passfile', () => {
    expect(libpq(standbyConninfo(connection, ''))).toEqual({
      host: '10.0.0.11',
      port: '5433',
      user: 'repl',
      application_name: 'node 1',
      passfile: "/srv/it's here/.pgpass",
    })
  })

  it('keeps how the site encrypts the road, and drops old passwords, hosts and files', () => {
    const before =
      'host=old hostaddr=10.9.9.9 user=o password=CANARY passfile=/old sslmode=verify-full sslrootcert=/ca connect_timeout=5'
    expect(libpq(standbyConninfo({...connection, passfile: null}, before))).toEqual({
      host: '10.0.0.11',
      port: '5433',
      user: 'repl',
      application_name: 'node 1',
      sslmode: 'verify-full',
      sslrootcert: '/ca',
      connect_timeout: '5',
    })
  })

  it('keeps it from the URI form too', () => {
    const before = 'postgresql://o:CANARY@old/?sslmode=verify-ca&sslrootcert=%2Fca%20x'
    expect(libpq(standbyConninfo({...connection, passfile: null}, before))).toMatchObject({
      sslmode: 'verify-ca',
      sslrootcert: '/ca x',
    })
  })
})

describe('redactCommand', () => {
  it.each([
    ["PGPASSWORD=s3 cp '%p' /a/%f", "PGPASSWORD=•••• cp '%p' /a/%f"],
    [`AWS_SECRET_ACCESS_KEY="x y" wal-g fetch %f "%p"`, `AWS_SECRET_ACCESS_KEY=•••• wal-g fetch %f "%p"`],
    ['cp /archive/%f "%p"', 'cp /archive/%f "%p"'],
  ])('shows %j as %j', (given, shown) => {
    expect(redactCommand(given)).toBe(shown)
  })
})

describe('sqlLiteral', () => {
  it('doubles quotes, and marks a text with backslashes so that no setting changes its meaning', () => {
    expect(sqlLiteral("it's")).toBe("'it''s'")
    expect(sqlLiteral("a\\'b")).toBe("E'a\\\\''b'")
  })
})
