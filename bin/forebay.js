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
const youngMiB = 4
const sources = existsSync(new URL('../src/cli/main.ts', import.meta.url))
const rooms = {
  proxy: 'src/proxy/main',
  control: 'src/control/main',
  router: 'router/main',
  start: 'deploy/local/main',
}
const [command = '', ...rest] = process.argv.slice(2)
// `forebay proxy list` asks about proxies; `forebay proxy` is one.
const isProcess = Object.hasOwn(rooms, command) && !(command === 'proxy' && rest[0] === 'list')
if (isProcess && (command === 'proxy' || command === 'router')) keepMemorySmall()
const room = isProcess ? rooms[command] : undefined
const path = sources ? `../${room ?? 'src/cli/main'}.ts` : `../dist/${room ?? 'src/cli/main'}.js`
const { main } = await import(new URL(path, import.meta.url).href)
await main(room === undefined ? [command, ...rest].filter((word, index) => index > 0 || word !== '') : rest)

/**
 * What carries events has a stated bound of memory (RSS ≤ cap + 150 MiB), and Node's defaults use up a third of it: a young generation of
 * three times 16 MiB, which short-lived requests never need, and malloc arenas of a dozen threads that keep what was freed in them. Both
 * can be set only before a process starts, so this one starts itself once more in its place: the same pid, streams and environment.
 */
function keepMemorySmall() {
  const flag = '--max-semi-space-size'
  const given = [...process.execArgv, process.env.NODE_OPTIONS ?? '']
  // Whoever sets it knows why; and the second time it is set.
  if (given.some((option) => option.includes(flag)) || process.execve === undefined) return
  const [node, ...args] = process.argv
  process.execve(process.execPath, [node, ...process.execArgv, `${flag}=${youngMiB}`, ...args], {
    MALLOC_ARENA_MAX: '1',
    // Large memory (a decoder's window, a large body) goes back to the system when it is freed. glibc would raise both by itself.
    MALLOC_MMAP_THRESHOLD_: String(2 ** 20),
    MALLOC_TRIM_THRESHOLD_: String(2 ** 21),
    ...process.env,
  })
}
