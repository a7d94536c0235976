/**
 * How long one run takes: the median of rounds, after a warm-up.
 * @module
 */

const ROUNDS = 11
const WARM_UP_SHARE = 0.1

/**
 * Has `run(n)` make n runs, `count` in all. The first tenth warms up and is not measured (of fewer than 20 runs, none is
 * spared); the rest is cut into rounds of equal length. Gives the median round's nanoseconds per run.
 */
export function measureRuns(
  count: number,
  run: (runs: number) => void,
  nowNs: () => number = processNanoseconds,
): number {
  const warmUp = count < 20 ? 0 : Math.floor(count * WARM_UP_SHARE)
  if (warmUp > 0) run(warmUp)
  const rounds: number[] = []
  let left = count - warmUp
  for (let round = Math.min(ROUNDS, left); round > 0; round--) {
    const size = Math.floor(left / round)
    const start = nowNs()
    run(size)
    rounds.push((nowNs() - start) / size)
    left -= size
  }
  return median(rounds)
}

function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b)
  const middle = sorted.length >>> 1
  return sorted.length % 2 === 1 ? sorted[middle]! : (sorted[middle - 1]! + sorted[middle]!) / 2
}

function processNanoseconds(): number {
  return performance.now() * 1e6
}
