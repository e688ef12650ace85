#!/usr/bin/env node
// Plain JavaScript, so that a Node too old to strip types can still say what it needs.
import { existsSync } from 'node:fs'

const needed = [24, 6]
const [major = 0, minor = 0] = process.versions.node.split('.').map(Number)
if (major < needed[0] || (major === needed[0] && minor < needed[1])) {
  console.error(
    `forebay needs Node ${needed.join('.')} or newer, and this is Node ${process.versions.node}: install a newer one, or in a checkout run it through npm ("npm start"), which brings its own.`,
  )
  process.exit(2)
}

// A checkout runs the sources as they are; a package carries them compiled, because Node strips no types below node_modules.
const sources = existsSync(new URL('../src/cli/main.ts', import.meta.url))
const rooms = {
  proxy: 'src/proxy/main',
  control: 'src/control/main',
  router: 'router/main',
  start: 'deploy/local/main',
}
const [command = '', ...rest] = process.argv.slice(2)
const room = Object.hasOwn(rooms, command) ? rooms[command] : undefined
const path = sources ? `../${room ?? 'src/cli/main'}.ts` : `../dist/${room ?? 'src/cli/main'}.js`
const { main } = await import(new URL(path, import.meta.url).href)
await main(room === undefined ? [command, ...rest].filter((word, index) => index > 0 || word !== '') : rest)
