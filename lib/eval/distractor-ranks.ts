import { KappaError } from '../errors';
import type { FeatureRows } from '../io/feature-rows';
import { native } from '../native/load';
import { submit } from '../native/submit';
import { scope } from '../tensor/scope';
import { Tensor } from '../tensor/tensor';
import type { ImpostorScores } from './metrics/impostor-roc';

/** Pairs of a probe with another photo of its person: P of them. */
export interface MatePairs {
  /** [P] rows among the probes. */
  readonly gallery: Int32Array;
  /** [P] */
  readonly probe: Int32Array;
}

/** Distractors in sets that may overlap. */
export interface DistractorSource {
  readonly rows: FeatureRows;
  /** [N] bit s where a distractor is in set s; 0 leaves it out. */
  readonly sets: Uint8Array;
  /** [N] the same where all its scores are counted in the histogram of set s. */
  readonly sampled: Uint8Array;
}

/** How distractors are ranked. */
export interface RankOptions {
  /** Of each set, how many of its largest scores are kept. */
  kept: readonly number[];
  /**
   * Arithmetic of the products. The results are the same: what products in bfloat16 leave in doubt is computed in float32.
   * @default bfloat16 where the processor has it fast
   */
  products?: 'float32' | 'bfloat16';
  /** Told now and then how much of how much is done. */
  onProgress?: (done: number, total: number) => void;
  signal?: AbortSignal;
}

/** What distractors amount to, a set each. */
export interface RankedSet {
  /** [P] distractors whose score is larger than the pair's. */
  readonly above: Int32Array;
  /** Scores of probes with distractors. */
  readonly impostors: ImpostorScores & {
    /** The probe of each of the largest scores. */
    readonly probes: Int32Array;
  };
  /** Distractors of the set. */
  readonly distractors: number;
}

/** Distractors that are read and handed over at once. */
const BLOCK = 8192;

/**
 * Holds pairs of probes against distractors, which are read once, block by block; what is kept does not grow with their
 * number. Every number is exact, and the same for any products, threads and order of the distractors.
 *
 * @param probes float32 [Q, D] of length 1
 * @param scores float32 [P] of the pairs
 * @throws KappaError `ERR_NOT_FINITE` naming the distractor, `ERR_SHAPE`, `ERR_CANCELLED`, and what reading throws
 */
export function rankDistractors(
  probes: Tensor,
  pairs: MatePairs,
  scores: Tensor,
  { rows, sets, sampled }: DistractorSource,
  { kept, products, onProgress, signal }: RankOptions,
): Promise<RankedSet[]> {
  return scope(async () => {
    const wanted = Uint32Array.from(sets.keys()).filter((row) => sets[row] !== 0);
    const bfloat16 = products ? products === 'bfloat16' : native().computesFast('bfloat16', 'cpu');
    const mates = { probes: (await Tensor.from(pairs.probe)).handle, scores: scores.handle };
    const ranks = await submit((addon) =>
      addon.distractorRanks({ kept: [...kept], bfloat16 }, probes.handle, mates),
    );
    try {
      const read = (from: number): Promise<Float32Array> =>
        rows.read(wanted.subarray(from, from + BLOCK), { signal });
      let next = read(0);
      for (let from = 0; from < wanted.length; from += BLOCK) {
        const data = await next;
        if (signal?.aborted) throw new KappaError('ERR_CANCELLED', 'Comparing distractors was cancelled.');
        // A block is read while the one before is compared.
        next = from + BLOCK < wanted.length ? read(from + BLOCK) : Promise.resolve(data);
        next.catch(() => undefined); // told when it is waited for
        const own = wanted.subarray(from, from + BLOCK);
        await scope(async () => {
          const bits = async (all: Uint8Array): Promise<Tensor> =>
            Tensor.from(Uint8Array.from(own, (row) => all[row]!));
          const distractors = {
            features: (await Tensor.from(data, [own.length, rows.dimension], { copy: false })).handle,
            sets: (await bits(sets)).handle,
            sampled: (await bits(sampled)).handle,
          };
          await submit((addon) => addon.distractorRanksAdd(ranks, distractors));
        });
        onProgress?.(Math.min(from + BLOCK, wanted.length), wanted.length);
      }
      return await resultOf(await submit((addon) => addon.distractorRanksResult(ranks)), probes, sets);
    } finally {
      native().disposeDistractorRanks(ranks);
    }
  });
}

async function resultOf(
  result: Awaited<ReturnType<ReturnType<typeof native>['distractorRanksResult']>>,
  probes: Tensor,
  sets: Uint8Array,
): Promise<RankedSet[]> {
  const wrap = Tensor.wrapper();
  const above = (await wrap(result.above).toTypedArray()) as Int32Array;
  const histogram = (await wrap(result.histogram).toTypedArray()) as BigInt64Array;
  const pairs = above.length / result.highest.length;
  const bins = histogram.length / result.highest.length;
  const found: RankedSet[] = [];
  for (const [s, { scores, probes: of }] of result.highest.entries()) {
    let distractors = 0;
    for (const bits of sets) distractors += (bits >> s) & 1;
    found.push({
      above: above.slice(s * pairs, (s + 1) * pairs),
      distractors,
      impostors: {
        total: distractors * probes.shape[0]!,
        highest: (await wrap(scores).toTypedArray()) as Float32Array,
        probes: (await wrap(of).toTypedArray()) as Int32Array,
        histogram: Float64Array.from(histogram.subarray(s * bins, (s + 1) * bins), Number),
      },
    });
  }
  return found;
}

/** Rows at length 1, as scores are computed from them. @param rows float32 [N, D] @throws KappaError `ERR_NOT_FINITE` */
export async function unitRows(rows: Tensor): Promise<Tensor> {
  const wrap = Tensor.wrapper();
  return wrap(await submit((addon) => addon.unitRows(rows.handle)));
}

/** Scores of pairs of rows: float32 [P]. */
export async function scoresOfPairs(rows: Tensor, first: Int32Array, second: Int32Array): Promise<Tensor> {
  const wrap = Tensor.wrapper();
  const [a, b] = [await Tensor.from(first), await Tensor.from(second)];
  return wrap(await submit((addon) => addon.pairScores(rows.handle, a.handle, b.handle)));
}
