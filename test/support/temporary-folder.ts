import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

/** A test's or suite's context, or `{ after }` of node:test for the whole file. */
export interface Cleanup {
  after(hook: () => void | Promise<void>): void
}

/** A new folder; removed after the test, suite or file that `owner` stands for. */
export function temporaryFolder(owner: Cleanup): string {
  const folder = mkdtempSync(join(tmpdir(), 'forebay-test-'))
  owner.after(() => rmSync(folder, { recursive: true, force: true, maxRetries: 5, retryDelay: 100 }))
  return folder
}
