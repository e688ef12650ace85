import type { Page } from '../../core/resources.ts'

/** Of every list that is given in pages. */
export const pageQuery = {
  type: 'object',
  properties: {
    limit: { type: 'integer', minimum: 1, maximum: 1000, default: 100 },
    after: { type: 'string', maxLength: 260, description: 'The `next` of the page before.' },
  },
} as const

/** The first `limit` (at least 1) of `found`, which is one longer or more where another page follows; that begins behind `keyOf` the last. */
export function pageOf<Item>(
  found: readonly Item[],
  limit: number,
  keyOf: (item: Item) => string,
): Page<Item> {
  const items = found.slice(0, limit)
  const last = items.at(-1)
  return found.length > limit && last !== undefined ? { items, next: keyOf(last) } : { items }
}
