import type { Interval } from '../records/record';
import type { SortedPairs } from './sorted-pairs';

/** 97.5% of a normal distribution lie below. */
const Z = 1.959963984540054;

/**
 * A share in each draw. It moves on the scale of log odds, where a share near 0 or 1 has as much room on either side as one in
 * the middle; the draws of a share that is 0 or 1 all are.
 *
 * @param moved [draws] see `drawUnits`
 */
export function shareDraws(share: number, moved: Float64Array): Float64Array {
  return moved.map((by) => moveShare(share, by));
}

function moveShare(share: number, by: number): number {
  const room = share * (1 - share);
  if (!(room > 0)) return share;
  return shiftOdds(share, by / room);
}

/** A rate that is read where another one has a given value, like TAR at a FAR. */
export interface RateAtLimit {
  /** The rate, where the limit is read at this value instead of at its own. */
  readonly rateAt: (limit: number) => number;
  /** The value at which the limit is asked for. */
  readonly wanted: number;
  /** The value that the limit has there in fact, and how far each draw moves it. */
  readonly limit: { readonly value: number; readonly moved: Float64Array };
  /** How far each draw moves the rate at one and the same threshold. */
  readonly moved: Float64Array;
}

/**
 * Such a rate in each draw: the draw moves the limit, so that the threshold moves until it has the wanted value again, and
 * it moves the rate.
 */
export function rateAtLimitDraws({ rateAt, wanted, limit, moved }: RateAtLimit): Float64Array {
  return moved.map((by, draw) => {
    const factor = limit.value > 0 ? Math.exp(limit.moved[draw]! / limit.value) : 1;
    return moveShare(rateAt(wanted / factor), by);
  });
}

/** Seven digits are enough for a draw that is kept. */
export function rounded(value: number): number {
  return Number(value.toPrecision(7));
}

/** The 95% interval of draws: what lies between their 2.5 and 97.5 percentiles. */
export function intervalOfDraws(draws: ArrayLike<number>): Interval {
  const sorted = Float64Array.from(draws).sort();
  return { low: quantile(sorted, 0.025), high: quantile(sorted, 0.975) };
}

function quantile(sorted: Float64Array, share: number): number {
  const at = share * (sorted.length - 1);
  const [below, part] = [Math.floor(at), at - Math.floor(at)];
  const value = sorted[below]!;
  return part === 0 ? value : value + part * (sorted[below + 1]! - value);
}

/**
 * The 95% interval of a share that no draw moves, since there is no error, or nothing but errors: Wilson's, of as many
 * observations as there are units.
 */
export function wilsonInterval(share: number, count: number): Interval {
  const square = Z ** 2;
  const centre = (share + square / (2 * count)) / (1 + square / count);
  const half =
    (Z / (1 + square / count)) * Math.sqrt((share * (1 - share)) / count + square / (4 * count ** 2));
  return {
    low: Math.max(0, Math.min(share, centre - half)),
    high: Math.min(1, Math.max(share, centre + half)),
  };
}

/**
 * The equal error rate in each draw: FAR and FRR of every threshold move on the scale of log odds as they do at the threshold
 * where they are equal, and are equal at another one.
 *
 * @param equal the equal error rate
 * @param moved how far each draw moves TAR and FAR at its threshold
 */
export function equalErrorDraws(
  sorted: SortedPairs,
  equal: number,
  moved: { readonly tar: Float64Array; readonly far: Float64Array },
): Float64Array {
  const room = equal * (1 - equal);
  const impostors = sorted.impostor.length;
  return moved.far.map((byFar, draw) => {
    if (!(room > 0)) return equal;
    const farAt = (k: number): number => shiftOdds(k / impostors, byFar / room);
    const frrAt = (k: number): number =>
      shiftOdds(1 - sorted.tarBelow(sorted.impostor[k] ?? Infinity), -moved.tar[draw]! / room);
    // The first number of accepted impostors at which their share is above that of refused owners.
    let [from, to] = [0, impostors];
    while (from < to) {
      const middle = (from + to) >>> 1;
      if (farAt(middle) < frrAt(middle)) from = middle + 1;
      else to = middle;
    }
    return (farAt(from) + frrAt(from)) / 2;
  });
}

function shiftOdds(share: number, by: number): number {
  return share > 0 && share < 1 ? 1 / (1 + ((1 - share) / share) * Math.exp(-by)) : share;
}
