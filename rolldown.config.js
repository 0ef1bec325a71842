/** `dist/` is the program in few files: loading a thousand small modules took three times as long as `node-info` itself. */
import {readdirSync} from 'node:fs'
import {defineConfig} from 'rolldown'

const commands = readdirSync('src/commands', {recursive: true}).filter((path) => path.endsWith('.ts'))
// What is found by its path: by main.ts and oclif (commands, help), by bin/generate-schemas.js.
const entries = ['cli/main', 'cli/help', 'report/schemas', ...commands.map((path) => `commands/${path.slice(0, -3)}`)]

export default defineConfig({
  input: Object.fromEntries(entries.map((entry) => [entry, `src/${entry}.ts`])),
  platform: 'node',
  // ssh2 looks for its native parts beside its own files; the others are asked for and not needed.
  external: ['ssh2', 'typescript', 'ts-node', 'pg-native', 'cloudflare:sockets'],
  transform: {target: 'node20'},
  output: {dir: 'dist', format: 'esm', sourcemap: true, cleanDir: true, chunkFileNames: 'chunks/[name]-[hash].js'},
})
