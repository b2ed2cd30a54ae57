import { Xoshiro128 } from '../../random';
import type { Influence } from './influence';

/** How people are drawn for intervals. */
export interface DrawOptions {
  /** @default 1000 */
  draws?: number;
  /** @default 0 */
  seed?: number;
}

export const DRAWS = 1000;

/**
 * The bootstrap: draws as many units as there are, with replacement, again and again, and tells how far each draw moves each
 * mean. All means are of the same draws, so that they may be put together, and means of two models held against each other.
 *
 * @param influences of each mean, of the same units
 * @returns [draws] of each mean
 */
export function drawUnits(
  influences: readonly Influence[],
  { draws = DRAWS, seed = 0 }: DrawOptions = {},
): Float64Array[] {
  const means = influences.length;
  const units = influences[0]?.length ?? 0;
  // The influences of a unit side by side: units are drawn in no order.
  const table = new Float64Array(units * means);
  const totals = new Float64Array(means);
  for (const [m, influence] of influences.entries())
    for (let unit = 0; unit < units; unit++) {
      table[unit * means + m] = influence[unit]!;
      totals[m]! += influence[unit]!;
    }
  const random = Xoshiro128.fromSeed(seed, units);
  const moved = influences.map(() => new Float64Array(draws));
  const sums = new Float64Array(means);
  for (let draw = 0; draw < draws; draw++) {
    sums.fill(0);
    for (let i = 0; i < units; i++) {
      const from = random.below(units) * means;
      for (let m = 0; m < means; m++) sums[m]! += table[from + m]!;
    }
    for (let m = 0; m < means; m++) moved[m]![draw] = sums[m]! - totals[m]!;
  }
  return moved;
}
