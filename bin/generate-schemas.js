#!/usr/bin/env node
// Writes /schema from the schemas in src/report/schemas.ts. Run after a build; a test fails when they differ.
import {mkdirSync, writeFileSync} from 'node:fs'
import {jsonSchemas} from '../dist/report/schemas.js'

const directory = new URL('../schema/', import.meta.url)
mkdirSync(directory, {recursive: true})
for (const [name, schema] of jsonSchemas()) {
  writeFileSync(new URL(name, directory), `${JSON.stringify(schema, null, 2)}\n`)
}
