import { readFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { dirname, join } from 'node:path'

const resolve = createRequire(import.meta.url).resolve
const editions = ['api.github.com', 'ghes-31', 'ghes-32', 'ghes-33', 'ghes-34', 'ghes-35']

/** The example payloads of GitHub's webhooks, of github.com and five Enterprise editions, each as one line of JSON. */
export function webhookPayloads(): string[] {
  const folder = dirname(resolve('@octokit/webhooks-examples/package.json'))
  return editions.flatMap((edition) => {
    const hooks = JSON.parse(readFileSync(join(folder, edition, 'index.json'), 'utf8')) as {
      examples: unknown[]
    }[]
    return hooks.flatMap(({ examples }) => examples.map((example) => JSON.stringify(example)))
  })
}

/** 200,000 US flights, each exactly as the file has it: `{"delay":0,"distance":1452,"time":0.0}` (a JSON parser would make `0` of it). */
export function flightRecords(): string[] {
  // The package exports only its build, which fetches from the web: the file lies beside it.
  const file = join(dirname(resolve('vega-datasets')), '..', 'data', 'flights-200k.json')
  return readFileSync(file, 'utf8').match(/\{[^{}]*\}/g) ?? []
}
