import type { FieldChange } from '../../core/resources.ts'

/** What differs between two specs, by dotted path, sorted. Lists are compared as a whole. Pure. */
export function diffSpecs(before: object | undefined, after: object): readonly FieldChange[] {
  const from = new Map(before === undefined ? [] : flatten(before, ''))
  const to = new Map(flatten(after, ''))
  const paths = [...new Set([...from.keys(), ...to.keys()])].sort()
  return paths
    .filter((path) => JSON.stringify(from.get(path)) !== JSON.stringify(to.get(path)))
    .map((path) => ({
      path,
      ...(from.has(path) ? { from: from.get(path) } : {}),
      ...(to.has(path) ? { to: to.get(path) } : {}),
    }))
}

function flatten(value: object, prefix: string): readonly (readonly [string, unknown])[] {
  return Object.entries(value).flatMap(([key, part]: [string, unknown]) => {
    if (part === undefined) return []
    const isNested = typeof part === 'object' && part !== null && !Array.isArray(part)
    return isNested ? flatten(part, `${prefix}${key}.`) : [[`${prefix}${key}`, part] as const]
  })
}
