/** Distances of pairs in their order, each kind by itself. */
export class SortedPairs {
  readonly genuine: Float64Array;
  readonly impostor: Float64Array;

  /** @param distances [P] small for pairs that look alike */
  constructor(distances: Float64Array, isSame: ArrayLike<boolean | number>) {
    this.genuine = distances.filter((_, pair) => isSame[pair]).sort();
    this.impostor = distances.filter((_, pair) => !isSame[pair]).sort();
  }

  /** The first threshold at which more than this share of impostors would be accepted: pairs below it are. */
  thresholdAt(far: number): number {
    // A share of 0.003 of 1,000 are 3 pairs, whatever the product rounds to.
    const allowed = Math.floor(far * this.impostor.length + 1e-9);
    return this.impostor[allowed] ?? Infinity;
  }

  /** Share of genuine pairs that are accepted where at most this share of impostors is. */
  tarAt(far: number): number {
    return this.tarBelow(this.thresholdAt(far));
  }

  /** Share of genuine pairs whose distance is below a threshold. */
  tarBelow(threshold: number): number {
    return countBelow(this.genuine, threshold) / this.genuine.length;
  }

  /** Share of impostor pairs whose distance is below a threshold. */
  farBelow(threshold: number): number {
    return countBelow(this.impostor, threshold) / this.impostor.length;
  }
}

/** How many of ascending values are below a bound. */
export function countBelow(values: ArrayLike<number>, bound: number): number {
  let [from, to] = [0, values.length];
  while (from < to) {
    const middle = (from + to) >>> 1;
    if (values[middle]! < bound) from = middle + 1;
    else to = middle;
  }
  return from;
}

/** How many of ascending values are not above a bound. */
export function countWithin(values: ArrayLike<number>, bound: number): number {
  let [from, to] = [0, values.length];
  while (from < to) {
    const middle = (from + to) >>> 1;
    if (values[middle]! <= bound) from = middle + 1;
    else to = middle;
  }
  return from;
}
