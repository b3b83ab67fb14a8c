/** Full jitter: anywhere between nothing and a bound that doubles with each attempt. `random` is in 0..<1. */
export function backoffMilliseconds(attempt: number, random: number, bounds = { first: 500, last: 10_000 }): number {
  return random * Math.min(bounds.last, bounds.first * 2 ** Math.min(attempt, 16));
}
