import { mkdir, writeFile } from 'node:fs/promises';
import path from 'node:path';

import { writeOpencvMatrix } from '../../../lib/io/opencv-matrix';
import { Xoshiro128, shuffle } from '../../../lib/random';
import { SyntheticFeatures, writeFeatureTable } from './features';

export interface SyntheticMegaface {
  /** All of them: the sets of the lists are taken from these. */
  distractors: number;
  /** Numbers of photos of each person. @default those below, which have the pairs of FaceScrub's probes */
  photos?: readonly number[];
  /** Sizes of the lists. */
  sizes: readonly number[];
  dimension: number;
  seed: number;
  /** A file for each feature, or matrices of NumPy with an index. */
  form: 'files' | 'npy';
  /** Ending of the files. */
  ending: string;
}

/** Photos of 80 people: 3,530 of them, 153,634 ordered pairs of two of one person, as FaceScrub's probes have. */
export const PHOTOS_OF_PROBES: readonly number[] = [
  ...Array<number>(19).fill(38),
  ...Array<number>(19).fill(50),
  ...[41, 47, 42, 46],
  ...Array<number>(28).fill(44),
  ...Array<number>(10).fill(45),
];

/** Lengths of what a photo has of its own; one in so many is hard. */
const [NOISE, HARD_NOISE, HARD_EVERY] = [0.9, 2.2, 29];
/** One stranger in so many looks like somebody of the probes. */
const ALIKE_EVERY = 211;
const ALIKE_NOISE = 2;
const FOLDER_SIZE = 500;
const FILES_AT_ONCE = 64;

/** Writes features of MegaFace's Challenge 1, the devkit's lists, insightface's, and lists of noise. */
export async function writeSyntheticMegaface(root: string, options: SyntheticMegaface): Promise<void> {
  const { distractors, dimension, seed, sizes, form, ending, photos = PHOTOS_OF_PROBES } = options;
  const features = new SyntheticFeatures(dimension, seed);
  const owners = photos.flatMap((count, person) => Array<number>(count).fill(person));
  const counts = new Map<number, number>();
  const numberOf = owners.map((person) => {
    const number = (counts.get(person) ?? 0) + 1;
    counts.set(person, number);
    return number;
  });
  const person = (i: number): string => `Person_${String(i).padStart(2, '0')}`;
  const probes = owners.map((owner, i) => `${person(owner)}/${person(owner)}_${numberOf[i]}.png`);
  const strangers = Array.from({ length: distractors }, (_, i) => {
    const folder = Math.floor(i / FOLDER_SIZE);
    return `${Math.floor(folder / FOLDER_SIZE)}/${folder}@N0${folder % 10}/${i}_0.jpg`;
  });
  const drawProbe = (row: number, out: Float32Array): void => {
    const noise = row % HARD_EVERY === 3 ? HARD_NOISE : NOISE;
    features.draw(out, { person: owners[row]!, photo: row, noise });
  };
  const drawStranger = (row: number, out: Float32Array): void => {
    const isAlike = row % ALIKE_EVERY === 7;
    const photo = owners.length + row;
    const person = isAlike ? Math.floor(row / ALIKE_EVERY) % photos.length : -1;
    features.draw(out, { person, photo, noise: isAlike ? ALIKE_NOISE : 1 });
  };
  await mkdir(path.join(root, 'templatelists'), { recursive: true });
  const write = (name: string, text: string): Promise<void> => writeFile(path.join(root, name), text);
  const lines = (all: readonly string[]): string => `${all.join('\n')}\n`;
  await write('facescrub_lst', lines(probes));
  await write('megaface_lst', lines(strangers));
  await write(
    'templatelists/facescrub_features_list.json',
    JSON.stringify({ id: owners.map(person), path: probes }),
  );
  for (const size of sizes) {
    // Each list by itself, as nobody promises that one has another.
    const order = Uint32Array.from({ length: distractors }, (_, i) => i);
    shuffle(order, Xoshiro128.fromSeed(seed, 3, size));
    const chosen = Array.from(order.subarray(0, size), (i) => strangers[i]!);
    await write(`templatelists/megaface_features_list.json_${size}_1`, JSON.stringify({ path: chosen }));
  }
  await mkdir(path.join(root, 'noises'), { recursive: true });
  const noisyProbes = probes
    .filter((_, i) => i % HARD_EVERY === 3 && i % 2 === 1)
    .map((name) => path.basename(name));
  await write('noises/facescrub_noises.txt', lines(['# noisy', ...noisyProbes, 'Not_There_1.png']));
  const noisy = strangers.filter((_, i) => i % ALIKE_EVERY === 7 && i % 3 === 0);
  await write('noises/megaface_noises.txt', lines(['# noisy', ...noisy, '0/none@N00/1_0.jpg']));
  for (const [set, names, draw] of [
    ['facescrub', probes, drawProbe],
    ['megaface', strangers, drawStranger],
  ] as const) {
    if (form === 'npy') {
      await writeFeatureTable(
        path.join(root, `${set}.npy`),
        { rows: names.length, columns: dimension },
        draw,
      );
      await write(`${set}-index.txt`, lines(names));
    } else await writeFiles(path.join(root, set), names, { dimension, ending, draw });
  }
}

async function writeFiles(
  root: string,
  names: readonly string[],
  {
    dimension,
    ending,
    draw,
  }: { dimension: number; ending: string; draw: (row: number, out: Float32Array) => void },
): Promise<void> {
  for (const folder of new Set(names.map((name) => path.dirname(name))))
    await mkdir(path.join(root, folder), { recursive: true });
  for (let from = 0; from < names.length; from += FILES_AT_ONCE)
    await Promise.all(
      names.slice(from, from + FILES_AT_ONCE).map(async (name, i) => {
        const feature = new Float32Array(dimension);
        draw(from + i, feature);
        await writeOpencvMatrix(path.join(root, name + ending), feature, { rows: dimension, columns: 1 });
      }),
    );
}
