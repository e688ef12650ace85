import { type ProcessName, processDocs, processSettings } from './processes.ts'
import { environmentName, flagName } from './setting.ts'

/** The text of `forebay <process> --help`, made from the table that checks the settings. */
export function settingsHelp(name: ProcessName): string {
  const rows = Object.entries(processSettings[name]).map(([key, setting]): readonly [string, string] => {
    const fallback = setting.format(setting.fallback as never)
    return [
      `  --${flagName(key)}`,
      `${setting.doc} [${setting.kind}]${fallback === '' ? '' : ` (default ${fallback})`}`,
    ]
  })
  rows.push(['  --config', `YAML file with the section "${name}:"`], ['  --help', 'this text'])
  const width = Math.max(...rows.map(([flag]) => flag.length)) + 2
  return [
    `Usage: forebay ${name} [options]`,
    '',
    processDocs[name].summary,
    '',
    ...rows.map(([flag, doc]) => flag.padEnd(width) + doc),
    '',
    `Each option is also an environment variable (${environmentName('drainTimeoutMs')}=30s) and a key of the file (drainTimeout: 30s).`,
    'An option wins over the environment, the environment over the file.',
    '',
    'Examples:',
    ...processDocs[name].examples.map((example) => `  ${example}`),
    '',
  ].join('\n')
}
