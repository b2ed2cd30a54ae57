import type { Xoshiro128 } from '../../random';

/** A number of a range, each equally likely. */
export function between([low, high]: readonly [number, number], random: Xoshiro128): number {
  return low + (high - low) * random.uniform();
}
