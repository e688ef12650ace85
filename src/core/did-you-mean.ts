/** The known word closest to a mistyped one, for messages like "unknown key `retension`: did you mean `retention`?" */
export function didYouMean(word: string, known: Iterable<string>): string | undefined {
  const wanted = word.toLowerCase()
  let best: string | undefined
  let bestDistance = Math.max(2, Math.floor(word.length / 3)) + 1
  for (const candidate of known) {
    const distance = editDistance(wanted, candidate.toLowerCase(), bestDistance)
    if (distance < bestDistance) {
      best = candidate
      bestDistance = distance
    }
  }
  return best
}

/** `unknown <what> "x"`, with the suggestion where there is one. */
export function unknownWord(what: string, word: string, known: Iterable<string>): string {
  const close = didYouMean(word, known)
  return `unknown ${what} "${word}"${close === undefined ? '' : `: did you mean "${close}"?`}`
}

/** Levenshtein distance; gives up and answers `bound` as soon as it cannot be smaller. Words are cut to 64 characters. */
function editDistance(left: string, right: string, bound: number): number {
  const a = left.slice(0, 64)
  const b = right.slice(0, 64)
  if (Math.abs(a.length - b.length) >= bound) return bound
  let previous = Array.from({ length: b.length + 1 }, (_, index) => index)
  for (let i = 1; i <= a.length; i += 1) {
    const current = [i]
    for (let j = 1; j <= b.length; j += 1) {
      const substitution = (previous[j - 1] ?? bound) + (a[i - 1] === b[j - 1] ? 0 : 1)
      current.push(Math.min(substitution, (previous[j] ?? bound) + 1, (current[j - 1] ?? bound) + 1))
    }
    previous = current
  }
  return previous[b.length] ?? bound
}
