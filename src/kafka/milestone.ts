/** 1, 2, 4, 8…: what goes wrong again and again is told ever more seldom. */
export function isMilestone(count: number): boolean {
  return Number.isInteger(Math.log2(count))
}
