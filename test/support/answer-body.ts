/** What the proxy answers to posted events, success or problem (interface.md); a test asks for what it expects. */
export interface AnswerBody {
  readonly accepted?: number
  readonly rejected?: readonly { readonly index: number; readonly reason: string; readonly detail: string }[]
  readonly rejectedTotal?: number
  readonly type?: string
  readonly title?: string
  readonly status?: number
  readonly detail?: string
  readonly delivered?: number
  readonly failed?: number
  readonly unknown?: number
  readonly [extension: string]: unknown
}
