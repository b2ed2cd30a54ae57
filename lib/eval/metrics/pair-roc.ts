/** Accepted pairs at each threshold, from the strictest to the loosest; the first point accepts none. */
export interface PairRoc {
  /** [K] accepted pairs of two people. */
  readonly impostors: Float64Array;
  /** [K] accepted pairs of one person. */
  readonly genuine: Float64Array;
  /** [K] pairs with at least that score are accepted; infinite for the first. */
  readonly thresholds: Float32Array;
  readonly allImpostors: number;
  readonly allGenuine: number;
}

/** An operating point. */
export interface OperatingPoint {
  /** Share of pairs of one person that are accepted. */
  readonly tar: number;
  /** Share of pairs of two people that are accepted, in fact. */
  readonly far: number;
  /** Similarity from which on pairs are accepted. */
  readonly threshold: number;
}

/** The point whose FAR is nearest to the wanted one; of two that are as near, the looser: insightface's rule for IJB. */
export function nearestFar(roc: PairRoc, far: number): OperatingPoint {
  const { impostors, genuine, allImpostors, allGenuine, thresholds } = roc;
  const farAt = (i: number): number => impostors[i]! / allImpostors;
  /** The last point whose FAR is not above a value. */
  const lastWithin = (limit: number): number => {
    let [from, to] = [0, impostors.length];
    while (from < to) {
      const middle = (from + to) >>> 1;
      if (farAt(middle) <= limit) from = middle + 1;
      else to = middle;
    }
    return from - 1;
  };
  const below = Math.max(lastWithin(far), 0);
  const above = below + 1 < impostors.length ? lastWithin(farAt(below + 1)) : below;
  const best = Math.abs(farAt(above) - far) <= Math.abs(farAt(below) - far) ? above : below;
  return { tar: genuine[best]! / allGenuine, far: farAt(best), threshold: thresholds[best]! };
}

/** Area under the curve, by trapezoids. */
export function areaUnderPairRoc({ impostors, genuine, allImpostors, allGenuine }: PairRoc): number {
  let area = 0;
  for (let i = 1; i < impostors.length; i++)
    area += (impostors[i]! - impostors[i - 1]!) * (genuine[i]! + genuine[i - 1]!);
  return area / (2 * allImpostors * allGenuine);
}
