import type { HookNews } from './hook.ts'

const shownCharacters = 300

/** Resolves with any 2xx. Rejects with what the other side said, or that it did not answer. */
export async function postUrl(
  url: string,
  { key, ...news }: HookNews,
  timeoutMs: number,
  stopped: AbortSignal,
): Promise<void> {
  const signal = AbortSignal.any([stopped, AbortSignal.timeout(timeoutMs)])
  try {
    const response = await fetch(url, {
      method: 'POST',
      headers: { 'content-type': 'application/json', 'idempotency-key': key },
      body: JSON.stringify(news),
      signal,
    })
    if (response.ok) {
      await response.body?.cancel()
      return
    }
    const said = (await response.text()).slice(0, shownCharacters)
    throw new Error(`it answered ${response.status}${said === '' ? '' : `: ${said}`}`)
  } catch (error) {
    stopped.throwIfAborted()
    throw new Error(`the ${news.hook} hook failed: ${wordsOf(error, timeoutMs)}`, { cause: error })
  }
}

/** Whether anything answers there; HEAD asks for nothing to be done. */
export async function checkUrl(url: string, timeoutMs: number, stopped: AbortSignal): Promise<void> {
  try {
    const signal = AbortSignal.any([stopped, AbortSignal.timeout(timeoutMs)])
    await (await fetch(url, { method: 'HEAD', signal })).body?.cancel()
  } catch (error) {
    stopped.throwIfAborted()
    throw new Error(`the hook's URL does not answer: ${wordsOf(error, timeoutMs)}`, { cause: error })
  }
}

/** The URL itself may hold a secret, and is not repeated. */
function wordsOf(error: unknown, timeoutMs: number): string {
  if (!(error instanceof Error)) return String(error)
  if (error.name === 'TimeoutError') return `no answer within ${timeoutMs} ms`
  const { cause } = error
  return cause instanceof Error ? cause.message || cause.name : error.message
}
