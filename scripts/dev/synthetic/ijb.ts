import { mkdir, open } from 'node:fs/promises';
import path from 'node:path';

import type { IjbName } from '../../../lib/data/protocols/ijb';
import { FACE_TEMPLATE } from '../../../lib/image/align';
import { Xoshiro128 } from '../../../lib/random';
import { SyntheticFeatures, writeFeatureTable } from './features';

export interface SyntheticIjb {
  name: IjbName;
  /** 1 for a set of the real size. */
  scale: number;
  dimension: number;
  seed: number;
}

const COUNTS = {
  ijbb: { faces: 227_630, templates: 12_115, pairs: 8_010_270, genuine: 10_270, galleries: ['S1', 'S2'] },
  ijbc: { faces: 469_375, templates: 23_124, pairs: 15_658_489, genuine: 19_557, galleries: ['G1', 'G2'] },
} as const;

const NOISE = 1.4;
const MEDIA = 6;
/** Templates of a person: the first is in a gallery, the others are probes. */
const TEMPLATES_OF_PERSON = 6;
const LINES_AT_ONCE = 20_000;

/** Writes the lists of IJB-B or IJB-C, of its 1:N protocols too, and features of its faces and their mirror images. */
export async function writeSyntheticIjb(root: string, options: SyntheticIjb): Promise<void> {
  const { name, scale, dimension, seed } = options;
  const { galleries, ...real } = COUNTS[name];
  const [templates, faces, pairs] = [real.templates, real.faces, real.pairs].map((count) =>
    Math.max(4 * TEMPLATES_OF_PERSON, Math.round(count * scale)),
  ) as [number, number, number];
  const genuine = Math.max(10, Math.round(real.genuine * scale));
  const random = Xoshiro128.fromSeed(seed, 4);
  const people = Math.ceil(templates / TEMPLATES_OF_PERSON);
  const personOf = (template: number): number => Math.floor(template / TEMPLATES_OF_PERSON);
  // Each template has a face; the others go where they fall.
  const templateOf = Int32Array.from({ length: faces }, (_, face) =>
    face < templates ? face : random.below(templates),
  ).sort();
  const media = Int32Array.from({ length: faces }, () => random.below(MEDIA));
  await mkdir(path.join(root, 'meta'), { recursive: true });
  const meta = (ending: string): string => path.join(root, 'meta', `${name}_${ending}`);
  await writeLines(meta('face_tid_mid.txt'), faces, (i) => `${i + 1}.jpg ${templateOf[i]! + 1} ${media[i]}`);
  const points = FACE_TEMPLATE.flat().join(' ');
  await writeLines(
    meta('name_5pts_score.txt'),
    faces,
    (i) => `${i + 1}.jpg ${points} ${(0.5 + 0.5 * random.uniform()).toFixed(6)}`,
  );
  const line = (row: number): string => {
    const first = random.below(templates);
    const isGenuine = Math.floor((row * genuine) / pairs) !== Math.floor(((row + 1) * genuine) / pairs);
    const start = personOf(first) * TEMPLATES_OF_PERSON;
    const own = Math.min(TEMPLATES_OF_PERSON, templates - start);
    let second = isGenuine ? start + random.below(own) : random.below(templates);
    while (!isGenuine && personOf(second) === personOf(first)) second = random.below(templates);
    return `${first + 1} ${second + 1} ${Number(isGenuine)}`;
  };
  await writeLines(meta('template_pair_label.txt'), pairs, line);
  const identities = async (list: string, has: (template: number) => boolean): Promise<void> => {
    const chosen = Array.from({ length: templates }, (_, template) => template).filter(has);
    await writeLines(meta(`1N_${list}.csv`), chosen.length + 1, (i) =>
      i === 0
        ? 'TEMPLATE_ID,SUBJECT_ID,FILENAME'
        : `${chosen[i - 1]! + 1},${personOf(chosen[i - 1]!) + 1},${i}.jpg`,
    );
  };
  const isFirst = (template: number): boolean => template % TEMPLATES_OF_PERSON === 0;
  for (const [g, gallery] of galleries.entries())
    await identities(`gallery_${gallery}`, (t) => isFirst(t) && Number(personOf(t) >= people / 2) === g);
  await identities('probe_mixed', (template) => !isFirst(template));
  const features = new SyntheticFeatures(dimension, seed);
  for (const [file, shift] of [
    ['features.npy', 0],
    ['mirrored.npy', faces],
  ] as const)
    await writeFeatureTable(path.join(root, file), { rows: faces, columns: dimension }, (row, out) =>
      features.draw(out, { person: personOf(templateOf[row]!), photo: shift + row, noise: NOISE }),
    );
}

async function writeLines(file: string, count: number, line: (row: number) => string): Promise<void> {
  const handle = await open(file, 'w');
  try {
    for (let from = 0; from < count; from += LINES_AT_ONCE) {
      const some = Array.from({ length: Math.min(LINES_AT_ONCE, count - from) }, (_, i) => line(from + i));
      await handle.write(`${some.join('\n')}\n`);
    }
  } finally {
    await handle.close();
  }
}
