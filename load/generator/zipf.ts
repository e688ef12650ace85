/**
 * A long tail over 0 to `count` − 1: rank k has weight 1 ÷ (k + 1)^`exponent` (1 = Zipf's law; 0 = all equal). The function draws by a
 * uniform number in [0, 1).
 */
export function zipf(count: number, exponent = 1): (uniform: number) => number {
  const cumulative = new Float64Array(count)
  let sum = 0
  for (let rank = 0; rank < count; rank += 1) {
    sum += (rank + 1) ** -exponent
    cumulative[rank] = sum
  }
  return (uniform) => {
    const wanted = uniform * sum
    let low = 0
    let high = count - 1
    while (low < high) {
      const middle = (low + high) >> 1
      if ((cumulative[middle] ?? sum) > wanted) high = middle
      else low = middle + 1
    }
    return low
  }
}
