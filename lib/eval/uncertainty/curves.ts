import type { RecordedCurve, RecordedHistogram, RecordedNumber } from '../records/record';

/** Points of a curve that an eye tells apart, 12 to a power of ten. @param least the smallest above 0 */
export function logarithmicSteps(least: number, most = 1, perDecade = 12): number[] {
  const steps = Math.ceil(perDecade * Math.log10(most / least));
  const values = Array.from({ length: steps }, (_, i) => most * 10 ** (-(steps - i) / perDecade));
  return [...values.filter((value) => value >= least * (1 - 1e-9)), most];
}

/** A point of a rate over another one, and the band about it. */
export interface BandPoint {
  x: number;
  y: number;
  low?: number;
  high?: number;
}

/** The points of numbers at the values of `x`. */
export function bandPoints(xs: readonly number[], numbers: readonly RecordedNumber[]): BandPoint[] {
  return numbers.map(({ value, interval }, i) => ({ x: xs[i]!, y: value, ...interval }));
}

/** ROC and DET of TAR (or TPIR) over FAR (or FPIR). */
export function errorCurves(label: string, points: readonly BandPoint[]): RecordedCurve[] {
  const x = points.map((point) => point.x);
  const has = points.some(({ low }) => low !== undefined);
  const column = (pick: (point: BandPoint) => number): number[] =>
    points.map((point) => Number(pick(point).toPrecision(6)));
  return [
    {
      kind: 'roc',
      label,
      x,
      y: column(({ y }) => y),
      ...(has && { low: column(({ y, low }) => low ?? y), high: column(({ y, high }) => high ?? y) }),
    },
    {
      kind: 'det',
      label,
      x,
      y: column(({ y }) => 1 - y),
      ...(has && {
        low: column(({ y, high }) => 1 - (high ?? y)),
        high: column(({ y, low }) => 1 - (low ?? y)),
      }),
    },
  ];
}

/** Counts similarities into bins of one width. */
export class CosineBins {
  readonly #counts = { genuine: new Float64Array(200), impostor: new Float64Array(200) };

  /** @param cosine -1 to 1; what rounding leaves outside counts for the last bin */
  add(cosine: number, isGenuine: boolean): void {
    const bin = Math.min(Math.max(Math.floor((cosine + 1) * 100), 0), 199);
    this.#counts[isGenuine ? 'genuine' : 'impostor'][bin]!++;
  }

  histograms(): RecordedHistogram[] {
    return (['genuine', 'impostor'] as const).map((kind) => {
      const counts = this.#counts[kind];
      const first = Math.max(
        0,
        counts.findIndex((count) => count > 0),
      );
      const last = counts.findLastIndex((count) => count > 0);
      return {
        kind,
        edges: Array.from({ length: Math.max(last - first + 2, 1) }, (_, i) => (first + i - 100) / 100),
        counts: Array.from(counts.subarray(first, last + 1)),
        quantity: 'cosine',
      };
    });
  }
}
