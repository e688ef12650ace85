/**
 * What went wrong with the store:
 * - `store-corrupt`, `store-newer`, `store-unreadable`, `store-unsupported`: it is not what it should be; a person has to look
 * - `store-locked`: another control plane has the file
 * - `store-unavailable`, `store-full`: not now; nothing was changed, or (a lost answer) it is unknown
 * - `not-leading`: the writer's lease has run out or another has it; nothing was changed
 */
export type StoreWord =
  | 'store-corrupt'
  | 'store-locked'
  | 'store-newer'
  | 'store-unreadable'
  | 'store-unsupported'
  | 'store-unavailable'
  | 'store-full'
  | 'not-leading'

/** `message` begins with the word. */
export class StoreError extends Error {
  override readonly name = 'StoreError'
  readonly word: StoreWord

  constructor(word: StoreWord, detail: string, options?: ErrorOptions) {
    super(`${word}: ${detail}`, options)
    this.word = word
  }
}
