import { countFrom, tarAtExactFar } from '../metrics/impostor-roc';
import type { RecordedNumber } from '../records/record';
import { DrawnNumbers, type LimitedRate } from '../uncertainty/drawn-numbers';
import type { DrawOptions } from '../uncertainty/draws';
import { influenceOfPairs, type Sides } from '../uncertainty/influence';
import type { MegafaceResult } from './evaluate';
import { MEGAFACE_RANKS, type MegafaceSizeResult } from './size-result';

/** How a number is called: by what it is, among so many distractors. */
interface Place {
  /** Behind the number's id. */
  readonly suffix: string;
  readonly among: string;
}

/**
 * The numbers that MegaFace is quoted by, with draws of the probes and intervals: those of the largest set first. The people and
 * the distractors are what they are.
 */
export function megafaceNumbers(result: MegafaceResult, options: DrawOptions = {}): RecordedNumber[] {
  const { pairs, counts } = result;
  const sides = { first: pairs.gallery, second: pairs.probe, units: counts.probes };
  const falling = pairs.scores.slice().sort().reverse();
  const numbers = new DrawnNumbers(counts.probes);
  const addRank = (size: MegafaceSizeResult, rank: (typeof MEGAFACE_RANKS)[number], place: Place): void => {
    const isHit = size.above.map((n) => Number(n < rank));
    const id = `rank-${rank}${place.suffix}`;
    numbers.share(
      id,
      `rank ${rank} ${place.among}`,
      size.ranks[rank],
      influenceOfPairs(isHit, sides).influence,
    );
  };
  const addTar = (
    size: MegafaceSizeResult,
    point: MegafaceSizeResult['points'][number],
    place: Place,
  ): void => {
    const far = point.wanted.toExponential();
    const rate = tarAtFar(size, point, { scores: pairs.scores, falling, sides });
    numbers.rateAtLimit(`tar@far=${far}${place.suffix}`, `TAR at FAR ${far} ${place.among}`, [rate]);
  };
  const [largest, ...smaller] = [...result.sizes].reverse() as [MegafaceSizeResult, ...MegafaceSizeResult[]];
  const among = (size: number): string => `among ${size.toLocaleString('en-US')}`;
  const first = { suffix: '', among: among(largest.size) };
  addRank(largest, 1, first);
  for (const point of largest.points) addTar(largest, point, first);
  numbers.add('customary-tar@far=1e-6', 'TAR at FAR 1e-6, thinned curve', largest.customaryTar);
  for (const rank of MEGAFACE_RANKS.slice(1)) addRank(largest, rank, first);
  for (const size of smaller) {
    const place = { suffix: `/${size.size}`, among: among(size.size) };
    addRank(size, 1, place);
    for (const point of size.points.slice(0, 1)) addTar(size, point, place);
  }
  return numbers.draw(options);
}

/** TAR where a share of the scores of strangers is accepted; a probe brings all of its own. */
function tarAtFar(
  { highest, impostors }: MegafaceSizeResult,
  { tar, far, threshold, wanted }: MegafaceSizeResult['points'][number],
  { scores, falling, sides }: { scores: Float32Array; falling: Float32Array; sides: Sides },
): LimitedRate {
  const alarms = new Float64Array(sides.units);
  const accepted = Math.round(far * impostors);
  for (const probe of highest.probes.subarray(0, accepted)) alarms[probe]!++;
  const own = Int32Array.from(alarms.keys());
  const perProbe = impostors / sides.units;
  const limit = influenceOfPairs(
    alarms.map((count) => count / perProbe),
    { first: own, second: own, units: sides.units },
  );
  const isAccepted = scores.map((score) => Number(far > 0 ? score >= threshold : score > threshold));
  const known = { total: impostors, highest: highest.scores, histogram: new Float64Array(0) };
  const least = countFrom(falling, highest.scores.at(-1) ?? Infinity) / falling.length;
  return {
    value: tar,
    influence: influenceOfPairs(isAccepted, sides).influence,
    limit: far,
    limitInfluence: limit.influence,
    wanted,
    // Beyond the scores that are known it is at least what the last of them accepts.
    rateAt: (value) => tarAtExactFar(falling, known, value)?.tar ?? least,
  };
}
