import { join } from 'node:path'
import { loadConfig } from '../config/load.ts'
import { UsageError } from './failure.ts'
import { readStackFile } from './stack-file.ts'
import type { Terminal } from './terminal.ts'

/** Global options as they were typed. */
export interface GlobalOptions {
  readonly control?: string
  readonly proxy?: string
  readonly token?: string
  readonly json?: boolean
}

export interface Endpoints {
  /** Origin and optional path prefix, without a slash at the end. */
  readonly control: string
  readonly proxy: string
  readonly token: string | undefined
}

/** Where the servers are: option > `FOREBAY_*` > configuration file > `./.forebay/stack.json` > the default ports. */
export function findEndpoints(
  options: GlobalOptions,
  terminal: Pick<Terminal, 'cwd' | 'environment'>,
): Endpoints {
  const { values } = loadConfig('cli', { argv: [], environment: terminal.environment })
  const stack = readStackFile(join(terminal.cwd, '.forebay'))
  const pick = (name: 'control' | 'proxy', fallback: string) =>
    checkedUrl(name, options[name] ?? (values[name] || (stack?.[name] ?? fallback)))
  const token = options.token ?? values.token
  return {
    control: pick('control', 'http://127.0.0.1:8081'),
    proxy: pick('proxy', 'http://127.0.0.1:8080'),
    token: token === '' ? undefined : token,
  }
}

/** Of several replicas, as FOREBAY_CONTROL may name them for proxies and routers, the first: it passes changes on. */
function checkedUrl(name: string, text: string): string {
  const url = URL.parse(text.split(',', 1)[0] ?? '')
  if (url === null || (url.protocol !== 'http:' && url.protocol !== 'https:')) {
    throw new UsageError(`--${name}: "${text}" is not an http URL such as http://127.0.0.1:8081`)
  }
  return url.href.replace(/\/+$/, '')
}
