import { mkdir } from 'node:fs/promises';
import path from 'node:path';
import { ioError } from '../errors';
import { writeFileAtomically } from '../files/atomic-file';
import { writeVerificationSet } from '../data/protocols/verification-set';
import { writeFaceDataset } from '../data/layout/face-dataset-writer';
import { resolveSynthOptions, SYNTH_VERSION, type SynthOptions } from './options';
import { planSynthSet, type SynthPlan } from './plan';
import { FACE_SIZE } from './render/picture';
import { renderPeople } from './render-pool';

/** How far the drawing of a set has come. */
export interface SynthProgress {
  images: number;
  totalImages: number;
}

/** Progress and interruption of {@link synthesize}. */
export interface SynthHooks {
  /** Called after each person. */
  onProgress?: (progress: SynthProgress) => void;
  /** Worker threads. @default one for each core, at most 16 */
  workers?: number;
  /** Ends the drawing with ERR_CANCELLED; the folder then keeps what was in it before. */
  signal?: AbortSignal;
}

/** `identities.json`: what was planted in a set, for comparison with what training finds. */
export interface SynthIdentities {
  version: number;
  seed: number;
  options: SynthOptions;
  /** Difficulty (0 to 1) and number of images of each class, in the order of the labels. */
  train: { difficulty: number; images: number }[];
  verification: { difficulty: number; images: number }[];
}

/** File of the verification set beside `train.rec`. */
export const SYNTH_VERIFICATION_FILE = 'synth.bin';
/** File of the planted difficulties beside `train.rec`. */
const SYNTH_IDENTITIES_FILE = 'identities.json';

/**
 * Draws a synthetic face set into a folder: `train.rec`, `train.idx`, `property`, `synth.bin` (verification
 * pairs of people outside the training set) and `identities.json`. The bytes depend on the options alone, not
 * on the number of workers.
 *
 * @throws KappaError `ERR_ARGUMENT` for options out of range, `ERR_IO`, `ERR_CANCELLED`.
 */
export async function synthesize(
  root: string,
  options: Partial<SynthOptions> = {},
  hooks: SynthHooks = {},
): Promise<void> {
  const resolved = resolveSynthOptions(options);
  const plan = planSynthSet(resolved);
  await mkdir(root, { recursive: true }).catch((error: unknown) => {
    throw ioError(error, 'create the folder', root);
  });

  // Verification people come first and wait in memory: files get their final names when everybody is drawn.
  const people = [...plan.verification, ...plan.train];
  const totalImages = people.reduce((sum, person) => sum + person.images, 0);
  const rendered = renderPeople(resolved.seed, people, hooks);
  let images = 0;
  async function* take(count: number): AsyncGenerator<Buffer[]> {
    for (; count > 0; count--) {
      const { value } = await rendered.next();
      if (!value) return;
      images += value.length;
      hooks.onProgress?.({ images, totalImages });
      yield value;
    }
  }
  try {
    const faces: Buffer[][] = [];
    for await (const photos of take(plan.verification.length)) faces.push(photos);
    await writeFaceDataset(root, take(plan.train.length), { imageSize: [FACE_SIZE, FACE_SIZE] });
    await writeVerificationSet(path.join(root, SYNTH_VERIFICATION_FILE), {
      images: plan.pairs.flatMap(({ a, b }) => [faces[a.person]![a.image]!, faces[b.person]![b.image]!]),
      isSame: plan.pairs.map((pair) => pair.isSame),
    });
  } finally {
    await rendered.return();
  }
  const identities = `${JSON.stringify(describePlan(resolved, plan))}\n`;
  await writeFileAtomically(path.join(root, SYNTH_IDENTITIES_FILE), (file) => file.writeFile(identities));
}

function describePlan(options: SynthOptions, plan: SynthPlan): SynthIdentities {
  const planted = (people: SynthPlan['train']) =>
    people.map(({ difficulty, images }) => ({ difficulty, images }));
  return {
    version: SYNTH_VERSION,
    seed: options.seed,
    options,
    train: planted(plan.train),
    verification: planted(plan.verification),
  };
}
