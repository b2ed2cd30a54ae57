import { mkdir } from 'node:fs/promises';
import path from 'node:path';

import { ioError } from '../../errors';
import { writeFileAtomically } from '../../files/atomic-file';
import type { Curve } from '../metrics/thinned-curve';
import type { MegafaceResult } from './evaluate';
import type { MegafaceSizeResult } from './size-result';

/** Names in the files of MegaFace's devkit. */
export interface DevkitNames {
  /** The features' name, such as `r100`. */
  algorithm: string;
  /** Number of the set of distractors. */
  set: number;
}

/** The name of an algorithm, by the ending of its features' files. */
export function algorithmOf(ending: string): string {
  return ending.split('.')[0]!.replace(/^_+|_+$/g, '');
}

/**
 * Writes results as MegaFace's devkit does: `results/cmc_facescrub_megaface_ALGORITHM_SIZE_SET.json` with the thinned curves
 * `cmc`, `roc` and `traditional_cmc`, and `matches_...json` with the rank of each probe for each gallery photo. The curves
 * as they are stand beside them, under names that the devkit has not: `cmcFull` and `rocFull`.
 *
 * @returns the files
 * @throws KappaError `ERR_IO`
 */
export async function writeMegafaceFiles(
  folder: string,
  result: MegafaceResult,
  { algorithm, set }: DevkitNames,
): Promise<string[]> {
  const results = path.join(folder, 'results');
  await mkdir(results, { recursive: true }).catch((error: unknown) => {
    throw ioError(error, 'create the folder', results);
  });
  const files: string[] = [];
  for (const size of result.sizes) {
    const name = `facescrub_megaface_${algorithm}_${size.size}_${set}.json`;
    const write = async (kind: string, value: unknown): Promise<void> => {
      const file = path.join(results, `${kind}_${name}`);
      await writeFileAtomically(file, (handle) => handle.writeFile(`${JSON.stringify(value)}\n`));
      files.push(file);
    };
    await write('cmc', {
      cmc: pairOf(size.cmc.thinned),
      roc: pairOf(size.roc.thinned),
      traditional_cmc: pairOf(size.traditional.thinned),
      cmcFull: pairOf(size.cmc.full),
      rocFull: pairOf(size.roc.full),
    });
    await write('matches', matchesOf(result, size));
  }
  return files;
}

/** Values are float32, as the devkit has them, in as many digits as these have. */
function pairOf({ x, y }: Curve): [number[], number[]] {
  const digits = (value: number): number => Number(Math.fround(value).toPrecision(9));
  return [x.map(digits), y.map(digits)];
}

/** For each gallery photo, the other photos of its person and the rank of the gallery photo for each. */
function matchesOf({ pairs, counts }: MegafaceResult, { above }: MegafaceSizeResult): unknown[] {
  const matches = Array.from({ length: counts.probes }, () => ({
    probes: { idx: [] as number[], rank: [] as number[] },
  }));
  for (const [i, photo] of pairs.gallery.entries()) {
    const { idx, rank } = matches[photo]!.probes;
    idx.push(pairs.probe[i]!);
    rank.push(above[i]!);
  }
  return matches;
}
