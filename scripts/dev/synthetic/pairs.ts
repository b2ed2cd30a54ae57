import { mkdir, writeFile } from 'node:fs/promises';
import path from 'node:path';

import { writeVerificationSet } from '../../../lib/data/protocols/verification-set';
import { Xoshiro128 } from '../../../lib/random';
import { drawPicture } from './pictures';

export interface SyntheticPairs {
  folds: number;
  /** Pairs of one person in a fold, and as many of two. */
  perFold: number;
  seed: number;
}

/** A photo of a person, both from 1. */
interface Photo {
  person: number;
  photo: number;
}

interface Pair {
  first: Photo;
  second: Photo;
}

const PHOTOS = 4;
const LFW_SIDE = 250;
const CROP_SIDE = 112;
const YTF_SIDE = 64;
const FRAMES = 5;

/** The pairs of a fold: of one person, then of two; no person is in two folds. */
function pairsOfFold(fold: number, { perFold, seed }: SyntheticPairs): { same: Pair[]; different: Pair[] } {
  const random = Xoshiro128.fromSeed(seed, fold);
  const people = Math.max(2, perFold);
  const first = fold * people + 1;
  const draw = (): Photo => ({ person: first + random.below(people), photo: 1 + random.below(PHOTOS) });
  const other = (a: number, count: number, from: number): number =>
    from + ((a - from + 1 + random.below(count - 1)) % count);
  const same = Array.from({ length: perFold }, () => {
    const photo = draw();
    return { first: photo, second: { ...photo, photo: other(photo.photo, PHOTOS, 1) } };
  });
  const different = Array.from({ length: perFold }, () => {
    const photo = draw();
    return { first: photo, second: { ...draw(), person: other(photo.person, people, first) } };
  });
  return { same, different };
}

const folds = (options: SyntheticPairs) =>
  Array.from({ length: options.folds }, (_, fold) => pairsOfFold(fold, options));
const nameOf = (person: number): string => `Person_${String(person).padStart(5, '0')}`;
const numbered = (photo: number): string => String(photo).padStart(4, '0');
const allPhotos = (options: SyntheticPairs): Map<string, Photo> =>
  new Map(
    folds(options)
      .flatMap(({ same, different }) => [...same, ...different])
      .flatMap(({ first, second }) => [first, second])
      .map((photo) => [`${photo.person} ${photo.photo}`, photo]),
  );

/** Writes a verification set as insightface packs it: each fold's pairs of one person before those of two. */
export async function writeSyntheticBin(file: string, options: SyntheticPairs): Promise<void> {
  const images: Buffer[] = [];
  const isSame: boolean[] = [];
  const size = { width: CROP_SIDE, height: CROP_SIDE };
  for (const { same, different } of folds(options))
    for (const [pairs, answer] of [
      [same, true],
      [different, false],
    ] as const)
      for (const { first, second } of pairs) {
        for (const { person, photo } of [first, second])
          images.push(await drawPicture(person, photo, size, options.seed));
        isSame.push(answer);
      }
  await writeVerificationSet(file, { images, isSame });
}

/** Writes LFW's folder, `NAME/NAME_0001.jpg`, and `pairs.txt`. */
export async function writeSyntheticLfw(root: string, options: SyntheticPairs): Promise<void> {
  const size = { width: LFW_SIDE, height: LFW_SIDE };
  for (const { person, photo } of allPhotos(options).values()) {
    const folder = path.join(root, 'lfw', nameOf(person));
    await mkdir(folder, { recursive: true });
    const picture = await drawPicture(person, photo, size, options.seed);
    await writeFile(path.join(folder, `${nameOf(person)}_${numbered(photo)}.jpg`), picture);
  }
  const lines = folds(options).flatMap(({ same, different }) => [
    ...same.map(({ first, second }) => [nameOf(first.person), first.photo, second.photo].join('\t')),
    ...different.map(({ first, second }) =>
      [nameOf(first.person), first.photo, nameOf(second.person), second.photo].join('\t'),
    ),
  ]);
  await writeFile(
    path.join(root, 'pairs.txt'),
    `${options.folds}\t${options.perFold}\n${lines.join('\n')}\n`,
  );
}

/** Writes YouTube Faces: `aligned_images_DB/SUBJECT/VIDEO/aligned_detect_VIDEO.FRAME.jpg` and `splits.txt`. */
export async function writeSyntheticYtf(root: string, options: SyntheticPairs): Promise<void> {
  const size = { width: YTF_SIDE, height: YTF_SIDE };
  for (const { person, photo: video } of allPhotos(options).values()) {
    const folder = path.join(root, 'aligned_images_DB', nameOf(person), String(video));
    await mkdir(folder, { recursive: true });
    for (let frame = 1; frame <= FRAMES; frame++) {
      const picture = await drawPicture(person, video * 1000 + frame, size, options.seed);
      await writeFile(path.join(folder, `aligned_detect_${video}.${frame}.jpg`), picture);
    }
  }
  const video = ({ person, photo }: Photo): string => `${nameOf(person)}/${photo}`;
  const lines = folds(options).flatMap(({ same, different }, fold) =>
    [
      ...same.map((pair) => ({ ...pair, answer: 1 })),
      ...different.map((pair) => ({ ...pair, answer: 0 })),
    ].map(({ first, second, answer }, i) =>
      [fold + 1, i + 1, video(first), video(second), answer, answer].join(', '),
    ),
  );
  const header = 'split number, second number, first name, second name, is same, is same';
  await writeFile(path.join(root, 'splits.txt'), `${header}\n${lines.join('\n')}\n`);
}
