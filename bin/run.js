#!/usr/bin/env node
import module from 'node:module'

// Node 22 and later keep compiled code between runs; before, the program starts without it.
module.enableCompileCache?.()
const {main} = await import('../dist/cli/main.js')
await main(import.meta.url)
