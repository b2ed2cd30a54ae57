import type { EvaluationRecord, RecordedCurve, RecordedHistogram, RecordedNumber } from '../records/record';
import type { Curve } from '../metrics/thinned-curve';
import { SCORE_BINS, scoreBin } from '../metrics/impostor-roc';
import type { MegafaceResult } from './evaluate';
import { MEGAFACE_RANKS } from './size-result';

export interface MegafaceRecordFacts extends Pick<EvaluationRecord, 'model' | 'data' | 'flags'> {
  /** Names of the probes, for the pairs that are told wrongly. */
  readonly probes: readonly string[];
}

const CURVE_POINTS = 200;
const HISTOGRAM_BINS = 128;
const HARDEST = 20;

/** A result as it is kept: the numbers of the largest set first, as tables have them. */
export function megafaceRecord(
  result: MegafaceResult,
  { probes, ...facts }: MegafaceRecordFacts,
): EvaluationRecord {
  const largest = result.sizes.at(-1)!;
  const { counts, pairs } = result;
  const share = (id: string, label: string, value: number): RecordedNumber => ({
    id,
    label,
    value,
    isShare: true,
  });
  const among = largest.size.toLocaleString('en-US');
  const exponent = (far: number): string => far.toExponential().replace('e-0', 'e-');
  const hardest = Array.from(largest.above.keys())
    .filter((pair) => largest.above[pair]! > 0)
    .sort((a, b) => largest.above[b]! - largest.above[a]! || pairs.scores[a]! - pairs.scores[b]!)
    .slice(0, HARDEST);
  return {
    format: 'kappaface-evaluation',
    version: 1,
    benchmark: 'megaface',
    set: 'megaface',
    protocol: result.protocol,
    ...facts,
    counts: { ...counts, impostors: largest.impostors },
    numbers: [
      share('rank-1', `rank 1 among ${among}`, largest.ranks[1]),
      ...largest.points.map(({ wanted, tar }) =>
        share(`tar@far=${exponent(wanted)}`, `TAR at FAR ${exponent(wanted)}`, tar),
      ),
      share('customary-tar@far=1e-6', 'TAR at FAR 1e-6, thinned curve', largest.customaryTar),
      ...MEGAFACE_RANKS.slice(1).map((rank) =>
        share(`rank-${rank}`, `rank ${rank} among ${among}`, largest.ranks[rank]),
      ),
      ...result.sizes
        .slice(0, -1)
        .reverse()
        .flatMap(({ size, ranks, points }) => [
          share(`rank-1/${size}`, `rank 1 among ${size.toLocaleString('en-US')}`, ranks[1]),
          ...points
            .slice(0, 1)
            .map(({ tar }) =>
              share(
                `tar@far=1e-6/${size}`,
                `TAR at FAR 1e-6 with ${size.toLocaleString('en-US')} distractors`,
                tar,
              ),
            ),
        ]),
    ],
    curves: result.sizes.flatMap((size): RecordedCurve[] => {
      const label = `${size.size.toLocaleString('en-US')} distractors`;
      // People count ranks from 1.
      const cmc = seen(size.cmc.full, (rank) => Math.log(rank + 1));
      return [
        { kind: 'cmc', label, x: cmc.x.map((rank) => rank + 1), y: cmc.y },
        { kind: 'roc', label, ...seen(size.roc.full, (far) => (far > 0 ? Math.log(far) : -Infinity)) },
      ];
    }),
    histograms: [histogram('genuine', pairs.scores), histogram('impostor', largest.histogram)],
    hardest: hardest.map((pair) => ({
      first: probes[pairs.gallery[pair]!]!,
      second: probes[pairs.probe[pair]!]!,
      isSame: true,
      score: pairs.scores[pair]!,
    })),
    made: new Date().toISOString(),
  };
}

/** As many points of a curve as an eye sees on a scale: the first and the last, and those that are apart on it. */
function seen({ x, y }: Curve, scale: (x: number) => number): Curve {
  const first = x.findIndex((value) => Number.isFinite(scale(value)));
  const width = (scale(x.at(-1)!) - scale(x[first]!)) / CURVE_POINTS;
  const kept: number[] = [];
  for (let i = 0; i < x.length; i++) {
    const before = kept.at(-1);
    // Of points above each other the highest counts.
    const isLastThere = i === x.length - 1 || x[i + 1] !== x[i];
    if (!isLastThere) continue;
    if (before === undefined || i === x.length - 1 || scale(x[i]!) - scale(x[before]!) >= width) kept.push(i);
  }
  return { x: kept.map((i) => x[i]!), y: kept.map((i) => y[i]!) };
}

/** @param values scores, or the counts of them in {@link SCORE_BINS} bins */
function histogram(kind: RecordedHistogram['kind'], values: Float32Array | Float64Array): RecordedHistogram {
  const counts = new Array<number>(HISTOGRAM_BINS).fill(0);
  const wide = SCORE_BINS / HISTOGRAM_BINS;
  for (const [i, value] of values.entries()) {
    const [bin, count] = kind === 'genuine' ? [scoreBin(value), 1] : [i, value];
    counts[Math.floor(bin / wide)]! += count;
  }
  const edges = Array.from({ length: HISTOGRAM_BINS + 1 }, (_, i) => -1 + (2 * i) / HISTOGRAM_BINS);
  return { kind, edges, counts, quantity: 'cosine' };
}
