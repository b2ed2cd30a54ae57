import path from 'node:path';

import type { MegafaceProbes } from '../../data/protocols/megaface';
import { KappaError } from '../../errors';
import { Xoshiro128 } from '../../random';

/** Half the width of the noise on a person's centre. */
const SPREAD = 0.001;

/**
 * Puts the centre of the person's clean features in the place of each noisy probe, as insightface's `remove_noises.py` does:
 * their sum, a uniform number of at most 0.001 added to each dimension. The sum has to be brought to length 1 yet.
 *
 * @param features [Q, D] of length 1; changed
 * @param noisy file names without folders
 * @returns how many probes were noisy
 * @throws KappaError `ERR_DATA_CORRUPT` where a person has no clean photo
 */
export function cleanProbes(
  { names, people, persons }: MegafaceProbes,
  features: Float32Array,
  noisy: ReadonlySet<string>,
  seed: number,
): number {
  const dimension = features.length / names.length;
  const isNoisy = names.map((name) => noisy.has(path.posix.basename(name)));
  const sums = new Map<number, Float64Array>();
  for (const [i, person] of people.entries()) {
    if (isNoisy[i]) continue;
    let sum = sums.get(person);
    if (!sum) sums.set(person, (sum = new Float64Array(dimension)));
    for (let d = 0; d < dimension; d++) sum[d]! += features[i * dimension + d]!;
  }
  for (const [i, person] of people.entries()) {
    if (!isNoisy[i]) continue;
    const sum = sums.get(person);
    if (!sum)
      throw new KappaError(
        'ERR_DATA_CORRUPT',
        `All photos of ${persons[person]} are in the list of noise: there is no centre to take instead.`,
      );
    const random = Xoshiro128.fromSeed(seed, i);
    for (let d = 0; d < dimension; d++)
      features[i * dimension + d] = sum[d]! + SPREAD * (2 * random.uniform() - 1);
  }
  return isNoisy.filter(Boolean).length;
}
