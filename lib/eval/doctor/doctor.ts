import type { VerificationSet } from '../../data/protocols/verification-set';
import { KappaError } from '../../errors';
import type { Backbone } from '../../nn/backbone';
import { shuffle, Xoshiro128 } from '../../random';
import { decodeBatches } from '../embedding/decode-batches';
import { embedPixels } from '../embedding/embed-pixels';
import { encodedFaces } from '../embedding/face-inputs';
import { bestThreshold } from '../metrics/pair-verification';
import { pairDistances } from '../metrics/pair-distances';
import { comparePairedAuc } from '../metrics/paired-auc';
import { INPUT_VARIANTS, type InputVariant } from './input-variants';

/** How {@link examineInput} looks at a set. */
export interface InputDoctorOptions {
  /** Pairs that are looked at, half of each kind where there are so many. @default 600 */
  pairs?: number;
  /** Which ones. @default 0 */
  seed?: number;
  /** Images in one forward pass. @default 64 */
  batchSize?: number;
  /** Told now and then how much of how much is done. */
  onProgress?: (done: number, total: number) => void;
  signal?: AbortSignal;
}

/** What came of a way to prepare images. */
export interface TriedVariant {
  /** `as-is`, or that of the variant. */
  readonly id: string;
  readonly label: string;
  readonly auc: number;
  /** At the threshold that is best for these pairs. */
  readonly accuracy: number;
  /** By how many standard errors of the difference the AUC is above that of the images as they are. */
  readonly z: number;
  readonly verdict: 'as-is' | 'raises' | 'lowers' | 'no difference';
  /** What it hints at, where it raises the result. */
  readonly hint?: string;
}

/** The colours of the images, in the order in which they come. */
export interface ColourMeans {
  readonly red: number;
  readonly green: number;
  readonly blue: number;
  /** The share of the images, of those with colours, that have more red than blue, as skin has. */
  readonly redder: number | undefined;
  /** Whether red and blue seem exchanged: most images have more blue than red. */
  readonly seemExchanged: boolean;
}

/** What {@link examineInput} found. */
export interface InputDoctorResult {
  readonly pairs: number;
  readonly genuine: number;
  readonly seed: number;
  /** The images as they are first, then every variant. */
  readonly variants: readonly TriedVariant[];
  /** The variants that raise the result, the clearest first. */
  readonly raising: readonly TriedVariant[];
  readonly colours: ColourMeans;
}

/** Chance alone lets one of all variants pass this in one of a hundred sets. */
const CLEAR_Z = 3.2;
const DEFAULT_PAIRS = 600;

/**
 * Looks for a sign that images are prepared otherwise than a network expects: embeds some pairs of a set as they are, and
 * with their channels exchanged, without mirror images, in other ranges of values, shifted, zoomed and coarser; and says
 * which of these raise the area under the ROC curve beyond chance (DeLong's test on the same pairs).
 *
 * @throws KappaError `ERR_ARGUMENT` with fewer than ten pairs of each kind, `ERR_DATA_CORRUPT`, `ERR_CANCELLED`,
 *   `ERR_NOT_FINITE`
 */
export async function examineInput(
  backbone: Backbone,
  set: VerificationSet,
  { pairs: wanted = DEFAULT_PAIRS, seed = 0, batchSize = 64, onProgress, signal }: InputDoctorOptions = {},
): Promise<InputDoctorResult> {
  const chosen = choosePairs(set.isSame, wanted, seed);
  const isSame = chosen.map((pair) => set.isSame[pair]!);
  const images = chosen.flatMap((pair) => [set.images[2 * pair]!, set.images[2 * pair + 1]!]);
  const { imageSize: size } = backbone.options;
  const starts = Array.from({ length: Math.ceil(images.length / batchSize) }, (_, i) => i * batchSize);
  const faces = encodedFaces(images, set.name);
  const run = { size, batchSize, starts, workers: 0, signal };
  const batches: Uint8Array[] = [];
  for await (const batch of decodeBatches(faces, run)) batches.push(batch);
  const tried: { variant: InputVariant; distances: Float64Array }[] = [];
  const asIs: InputVariant = { id: 'as-is', label: 'as they are', hint: '' };
  const all = [asIs, ...INPUT_VARIANTS];
  const wasTraining = backbone.training;
  backbone.eval();
  try {
    for (const [v, variant] of all.entries()) {
      const { embeddingSize } = backbone.options;
      const embeddings = new Float32Array(images.length * embeddingSize);
      for (const [b, batch] of batches.entries()) {
        if (signal?.aborted) throw new KappaError('ERR_CANCELLED', `The look at ${set.name} was cancelled.`);
        embeddings.set(await embedVariant(backbone, batch, variant), starts[b]! * embeddingSize);
        onProgress?.(v * batches.length + b + 1, all.length * batches.length);
      }
      const { distances } = pairDistances(embeddings, embeddingSize, `${set.name} (${variant.id})`);
      tried.push({ variant, distances });
    }
  } finally {
    backbone.train(wasTraining);
  }
  const base = tried[0]!.distances;
  const answers = Uint8Array.from(isSame, Number);
  const variants = tried.map(({ variant: { id, label, hint }, distances }, v): TriedVariant => {
    const { second: auc, z } = comparePairedAuc(base, distances, isSame);
    const verdict = v === 0 ? 'as-is' : z > CLEAR_Z ? 'raises' : z < -CLEAR_Z ? 'lowers' : 'no difference';
    const { accuracy } = bestThreshold({ distances, isSame: answers });
    return { id, label, auc, accuracy, z, verdict, ...(verdict === 'raises' && { hint }) };
  });
  return {
    pairs: chosen.length,
    genuine: isSame.filter(Boolean).length,
    seed,
    variants,
    colours: coloursOf(batches, size),
    raising: variants.filter(({ verdict }) => verdict === 'raises').sort((a, b) => b.z - a.z),
  };
}

/** Skin is redder than blue, of every colour; fewer images than this are when they are photographs of faces in RGB. */
const LEAST_REDDER = 0.25;
const GREY = 2;

/** The colours of images: whatever the network, a set of faces shows by them in which order its channels are. */
function coloursOf(batches: readonly Uint8Array[], size: number): ColourMeans {
  const [sums, bytes] = [[0, 0, 0] as [number, number, number], size * size * 3];
  let [images, coloured, redder] = [0, 0, 0];
  for (const batch of batches)
    for (let first = 0; first < batch.length; first += bytes) {
      const own: [number, number, number] = [0, 0, 0];
      for (let i = first; i < first + bytes; i += 3)
        for (const c of [0, 1, 2] as const) own[c] += batch[i + c]!;
      for (const c of [0, 1, 2] as const) sums[c] += own[c] / (size * size);
      images++;
      const more = (own[0] - own[2]) / (size * size);
      if (Math.abs(more) > GREY) coloured++;
      if (more > GREY) redder++;
    }
  const [red, green, blue] = sums.map((sum) => sum / images) as [number, number, number];
  const share = coloured === 0 ? undefined : redder / coloured;
  return { red, green, blue, redder: share, seemExchanged: share !== undefined && share < LEAST_REDDER };
}

/** Some pairs, half of them of one person as far as there are so many, in the order of the set. */
function choosePairs(isSame: readonly boolean[], wanted: number, seed: number): number[] {
  const random = Xoshiro128.fromSeed(seed);
  const kinds = [true, false].map((kind) => {
    const own = Uint32Array.from(isSame.keys()).filter((i) => isSame[i] === kind);
    shuffle(own, random);
    return own;
  }) as [Uint32Array, Uint32Array];
  if (kinds.some((own) => own.length < 10) || wanted < 20)
    throw new KappaError(
      'ERR_ARGUMENT',
      `Expected at least 10 pairs of one person and 10 of two but received ${Math.min(kinds[0].length, wanted >> 1)} and ${Math.min(kinds[1].length, wanted >> 1)}: so few tell nothing.`,
    );
  const half = wanted >> 1;
  return [...kinds[0].subarray(0, half), ...kinds[1].subarray(0, half)].sort((a, b) => a - b);
}

async function embedVariant(
  backbone: Backbone,
  batch: Uint8Array,
  { change, prepare, withoutFlip }: InputVariant,
): Promise<Float32Array> {
  const { imageSize: size } = backbone.options;
  const pixels = change ? Uint8Array.from(batch) : batch;
  const bytes = size * size * 3;
  if (change) for (let at = 0; at < pixels.length; at += bytes) change(pixels.subarray(at, at + bytes), size);
  const plain = await embedPixels(backbone, pixels, { prepare });
  if (withoutFlip) return plain;
  const mirrored = await embedPixels(backbone, pixels, { mirrored: true, prepare });
  return plain.map((value, i) => value + mirrored[i]!);
}
