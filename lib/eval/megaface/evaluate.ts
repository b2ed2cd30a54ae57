import type { MegafaceDistractors, MegafaceProbes } from '../../data/protocols/megaface';
import type { MegafaceNoises } from '../../data/protocols/megaface-lists';
import { KappaError } from '../../errors';
import type { FeatureRows } from '../../io/feature-rows';
import { scope } from '../../tensor/scope';
import { Tensor } from '../../tensor/tensor';
import {
  rankDistractors,
  scoresOfPairs,
  unitRows,
  type MatePairs,
  type RankOptions,
  type RankedSet,
} from '../distractor-ranks';
import { cleanProbes } from './clean-probes';
import { keptScores, sizeResult, SAMPLED_SCORES, type MegafaceSizeResult } from './size-result';
import { traditionalRanks } from './traditional';

/** What is evaluated: photos, and where their features are. */
export interface MegafaceData {
  readonly probes: MegafaceProbes;
  /** A row for each probe. */
  readonly probeFeatures: FeatureRows;
  readonly distractors: MegafaceDistractors;
  /** A row for each distractor. */
  readonly distractorFeatures: FeatureRows;
  /** Photos that are not what they should be. @default none: the set as it is distributed */
  readonly noises?: MegafaceNoises;
}

/** How {@link evaluateMegaface} evaluates. */
export interface MegafaceOptions extends Pick<RankOptions, 'products' | 'onProgress' | 'signal'> {
  /** Of the noise on the features that stand for noisy probes. @default 0 */
  seed?: number;
}

/** Result of MegaFace's Challenge 1. */
export interface MegafaceResult {
  /** By ascending numbers of distractors. */
  readonly sizes: readonly MegafaceSizeResult[];
  /** The pairs of two photos of one person, by gallery photo and then by probe. */
  readonly pairs: MatePairs & { readonly scores: Float32Array };
  readonly counts: MegafaceCounts;
  /** The rules that were followed, in words. */
  readonly protocol: string;
}

/** How many probes, pairs and distractors took part. */
export interface MegafaceCounts {
  readonly probes: number;
  readonly people: number;
  /** Ordered pairs of different photos of one person. */
  readonly pairs: number;
  /** Distractors of the largest set, without the noisy ones. */
  readonly distractors: number;
  /** Noisy photos that were found: lines of the lists that match. */
  readonly noisyProbes: number;
  readonly noisyDistractors: number;
}

/**
 * Evaluates features by MegaFace's Challenge 1 with FaceScrub's photos as probes. Each photo of a person is looked for with
 * each other one of that person, among distractors: identification counts the distractors that are nearer, verification
 * holds the pairs against all scores of probes with distractors.
 *
 * @param data names and features, as {@link openMegaface} opens them
 * @param options numbers of distractors are those of the data
 * @throws KappaError `ERR_SHAPE` for features of another dimension, `ERR_NOT_FINITE` naming the feature,
 *   `ERR_DATA_CORRUPT`, `ERR_CANCELLED`, and what reading features throws
 */
export function evaluateMegaface(
  { probes, probeFeatures, distractors, distractorFeatures, noises }: MegafaceData,
  options: MegafaceOptions = {},
): Promise<MegafaceResult> {
  const { seed = 0, signal } = options;
  const total = probes.names.length;
  mustFit(probeFeatures, total, 'probes');
  mustFit(distractorFeatures, distractors.names.length, 'distractors');
  if (probeFeatures.dimension !== distractorFeatures.dimension)
    throw new KappaError(
      'ERR_SHAPE',
      `The features of the probes have ${probeFeatures.dimension} numbers, those of the distractors ${distractorFeatures.dimension}. Both are of one model.`,
    );
  return scope(async () => {
    const all = Uint32Array.from(probes.names, (_, i) => i);
    const given = await probeFeatures.read(all, { signal });
    const shape = [total, probeFeatures.dimension];
    let unit = await unitRows(await Tensor.from(given, shape));
    let noisyProbes = 0;
    if (noises) {
      const features = (await unit.toTypedArray()) as Float32Array;
      noisyProbes = cleanProbes(probes, features, noises.probes, seed);
      unit = await unitRows(await Tensor.from(features, shape));
    }
    const pairs = pairsOf(probes.people);
    const scores = await scoresOfPairs(unit, pairs.gallery, pairs.probe);
    const isNoisy = (name: string): boolean => noises?.distractors.has(name) ?? false;
    const sets = distractors.sets.map((bits, row) => (isNoisy(distractors.names[row]!) ? 0 : bits));
    const sizes = distractors.sizes.map((_, s) => sets.reduce((sum, bits) => sum + ((bits >> s) & 1), 0));
    const empty = sizes.indexOf(0);
    if (empty !== -1)
      throw new KappaError(
        'ERR_DATA_CORRUPT',
        `All of the ${distractors.sizes[empty]} distractors are in the list of noise.`,
      );
    const ranked = await rankDistractors(
      unit,
      pairs,
      scores,
      { rows: distractorFeatures, sets, sampled: sampleOf(sets, distractors.order, sizes.length, total) },
      { ...options, kept: sizes.map((size) => keptScores(size * total)) },
    );
    const genuine = (await scores.toTypedArray()) as Float32Array;
    const falling = genuine.slice().sort().reverse();
    const traditional = await traditionalRanks(unit, probes, pairs, genuine);
    const resultOf = (set: RankedSet, s: number): MegafaceSizeResult =>
      sizeResult(distractors.sizes[s]!, set, falling, traditional);
    const noisyDistractors = distractors.names.filter(isNoisy).length;
    return {
      sizes: ranked.map(resultOf),
      pairs: { ...pairs, scores: genuine },
      counts: {
        probes: total,
        people: probes.persons.length,
        pairs: genuine.length,
        distractors: sizes.at(-1)!,
        noisyProbes,
        noisyDistractors,
      },
      protocol: protocolOf(distractors, noises !== undefined),
    };
  });
}

function mustFit({ count }: FeatureRows, names: number, what: string): void {
  if (count !== names)
    throw new KappaError('ERR_SHAPE', `There are ${names} ${what}, but features of ${count}.`);
}

/** Ordered pairs of different photos of one person. */
function pairsOf(people: Int32Array): MatePairs {
  const photos = new Map<number, number[]>();
  for (const [photo, person] of people.entries()) {
    const own = photos.get(person);
    if (own) own.push(photo);
    else photos.set(person, [photo]);
  }
  const [gallery, probe]: [number[], number[]] = [[], []];
  for (const [photo, person] of people.entries())
    for (const other of photos.get(person)!) {
      if (other === photo) continue;
      gallery.push(photo);
      probe.push(other);
    }
  return { gallery: Int32Array.from(gallery), probe: Int32Array.from(probe) };
}

/** Of each set as many distractors as make the sample of its scores, the same ones wherever sets have them in common. */
function sampleOf(sets: Uint8Array, order: Uint32Array, count: number, probes: number): Uint8Array {
  const left = Array.from({ length: count }, () => Math.ceil(SAMPLED_SCORES / probes));
  const sampled = new Uint8Array(sets.length);
  for (const row of order)
    for (let s = 0; s < count; s++)
      if (((sets[row]! >> s) & 1) === 1 && left[s]! > 0) {
        left[s]!--;
        sampled[row]! |= 1 << s;
      }
  return sampled;
}

function protocolOf({ origin }: MegafaceDistractors, isCleaned: boolean): string {
  return [
    'MegaFace Challenge 1, FaceScrub probes: every ordered pair of two photos of a person; cosine similarity',
    'rank = distractors that are strictly nearer, ties to the mate, other photos of the person not in the gallery',
    'impostors = probes x distractors alone, FAR exact over all of them',
    `distractors: ${origin}`,
    isCleaned
      ? "noise lists: the person's centre for noisy probes, noisy distractors left out"
      : 'no noise lists',
  ].join('; ');
}
