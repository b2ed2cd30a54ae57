import path from 'node:path';

import { KappaError } from '../../errors';
import { readIntegerRows } from '../../files/integer-rows';
import { readLines } from '../../files/lines';

/** The two sets, by the names that their files begin with. */
export type IjbName = 'ijbb' | 'ijbc';

/** What the sets have as they are distributed, to be held against what was found. */
const IJB_COUNTS: Record<IjbName, IjbCounts> = {
  ijbb: { faces: 227_630, templates: 12_115, pairs: 8_010_270, genuine: 10_270 },
  ijbc: { faces: 469_375, templates: 23_124, pairs: 15_658_489, genuine: 19_557 },
};

/** How much there is of everything in IJB-B or IJB-C. */
export interface IjbCounts {
  faces: number;
  templates: number;
  pairs: number;
  genuine: number;
}

/** The faces of IJB-B or IJB-C: F of them, in the order of the files. */
export interface IjbFaces {
  /** [F] file names below `loose_crop`. */
  readonly names: readonly string[];
  /** [F] index of each face's template among `templateIds`. */
  readonly templates: Int32Array;
  /** Template ids, ascending. */
  readonly templateIds: Int32Array;
  /** [F] media ids: a still image, or a video with its frames. */
  readonly media: Int32Array;
  /** [F, 5, 2] landmarks in pixels of the image, x before y. */
  readonly landmarks: Float32Array;
  /** [F] scores of the detector. */
  readonly detectorScores: Float32Array;
}

/** The pairs of templates of the 1:1 protocol. */
export interface IjbPairs {
  /** [P] indices of templates. */
  readonly first: Int32Array;
  readonly second: Int32Array;
  /** [P] 1 for pairs of one person. */
  readonly isGenuine: Uint8Array;
}

/** IJB-B or IJB-C as {@link readIjb} reads it: faces, templates, pairs. */
export interface IjbSet {
  readonly name: IjbName;
  readonly root: string;
  readonly faces: IjbFaces;
  readonly pairs: IjbPairs;
  readonly counts: IjbCounts;
}

/** How {@link readIjb} reads. */
export interface ReadIjbOptions {
  /** Told what is worth a line. */
  onMessage?: (text: string) => void;
  signal?: AbortSignal;
}

/**
 * Reads IJB-B or IJB-C as insightface distributes them: `meta/ijbc_face_tid_mid.txt`, `meta/ijbc_name_5pts_score.txt`,
 * `meta/ijbc_template_pair_label.txt`, and images in `loose_crop/`.
 *
 * @param root the folder that has `meta` and `loose_crop`
 * @throws KappaError `ERR_DATA_NOT_FOUND`, `ERR_DATA_CORRUPT` naming file and line, `ERR_IO`, `ERR_CANCELLED`
 */
export async function readIjb(name: IjbName, root: string, options: ReadIjbOptions = {}): Promise<IjbSet> {
  const { signal } = options;
  const file = (ending: string): string => path.join(root, 'meta', `${name}_${ending}.txt`);
  options.onMessage?.(`Reading ${file('face_tid_mid')} ...`);
  const { names, ids, media } = await readTemplates(file('face_tid_mid'), signal);
  const { landmarks, detectorScores } = await readLandmarks(file('name_5pts_score'), names, {
    other: file('face_tid_mid'),
    signal,
  });
  const templateIds = Int32Array.from(new Set(ids)).sort();
  const place = new Map(Array.from(templateIds, (id, index) => [id, index]));
  const templates = Int32Array.from(ids, (id) => place.get(id)!);
  const faces = { names, templates, templateIds, media: Int32Array.from(media), landmarks, detectorScores };
  options.onMessage?.(`Reading ${file('template_pair_label')} ...`);
  const pairs = await readPairs(file('template_pair_label'), {
    expected: IJB_COUNTS[name].pairs + 1,
    place,
    signal,
    other: file('face_tid_mid'),
  });
  let genuine = 0;
  for (const answer of pairs.isGenuine) genuine += answer;
  const counts = {
    faces: names.length,
    templates: templateIds.length,
    pairs: pairs.first.length,
    genuine,
  };
  return { name, root, faces, pairs, counts };
}

/** How what was found differs from the set as it is distributed; undefined where it does not. */
export function ijbDifference({ name, counts }: IjbSet): string | undefined {
  const expected = IJB_COUNTS[name];
  const differing = (Object.keys(expected) as (keyof IjbCounts)[]).filter(
    (key) => counts[key] !== expected[key],
  );
  if (differing.length === 0) return undefined;
  const list = differing.map(
    (key) => `${counts[key].toLocaleString('en')} ${key} instead of ${expected[key].toLocaleString('en')}`,
  );
  return `This is not the whole ${name === 'ijbb' ? 'IJB-B' : 'IJB-C'}: ${list.join(', ')}.`;
}

interface FaceLines {
  names: string[];
  ids: number[];
  media: number[];
}

async function readTemplates(file: string, signal?: AbortSignal): Promise<FaceLines> {
  const found: FaceLines = { names: [], ids: [], media: [] };
  for await (const { text, number } of readLines(file, { signal })) {
    if (text === '') continue;
    const columns = text.trim().split(/\s+/);
    const [id, media] = columns.slice(1).map(Number);
    if (columns.length !== 3 || !isId(id) || !isId(media)) throw bad(file, number, '1.jpg template media');
    found.names.push(columns[0]!);
    found.ids.push(id);
    found.media.push(media);
  }
  if (found.names.length === 0) throw new KappaError('ERR_DATA_CORRUPT', `${file} has no lines.`);
  return found;
}

async function readLandmarks(
  file: string,
  names: readonly string[],
  { other, signal }: { other: string; signal?: AbortSignal },
): Promise<Pick<IjbFaces, 'landmarks' | 'detectorScores'>> {
  const landmarks = new Float32Array(10 * names.length);
  const detectorScores = new Float32Array(names.length);
  let row = 0;
  for await (const { text, number } of readLines(file, { signal })) {
    if (text === '') continue;
    const [name, ...columns] = text.trim().split(/\s+/);
    const values = columns.map(Number);
    if (values.length !== 11 || !values.every(Number.isFinite))
      throw bad(file, number, '1.jpg x1 y1 x2 y2 x3 y3 x4 y4 x5 y5 score');
    if (name !== names[row])
      throw new KappaError(
        'ERR_DATA_CORRUPT',
        `${file}, line ${number}: it tells of ${name}, but line ${row + 1} of ${other} ${names[row] === undefined ? 'is not there' : `of ${names[row]}`}. Both files have the same faces in the same order.`,
      );
    landmarks.set(values.slice(0, 10), 10 * row);
    detectorScores[row++] = values[10]!;
  }
  if (row !== names.length)
    throw new KappaError(
      'ERR_DATA_CORRUPT',
      `${file} has ${row} faces, but ${other} has ${names.length}. Both files have the same faces in the same order.`,
    );
  return { landmarks, detectorScores };
}

async function readPairs(
  file: string,
  options: { expected: number; place: ReadonlyMap<number, number>; other: string; signal?: AbortSignal },
): Promise<IjbPairs> {
  const { place, other } = options;
  const form = 'template template 0|1';
  const [first, second, answers] = (await readIntegerRows(file, { ...options, columns: 3, form })) as [
    Int32Array,
    Int32Array,
    Int32Array,
  ];
  for (const [row, answer] of answers.entries()) if (answer > 1) throw bad(file, row + 1, form);
  for (const column of [first, second])
    for (let row = 0; row < column.length; row++) {
      const index = place.get(column[row]!);
      if (index === undefined)
        throw new KappaError(
          'ERR_DATA_CORRUPT',
          `${file}, line ${row + 1}: no face of ${other} belongs to template ${column[row]}.`,
        );
      column[row] = index;
    }
  if (first.length === 0) throw new KappaError('ERR_DATA_CORRUPT', `${file} has no pairs.`);
  return { first, second, isGenuine: Uint8Array.from(answers) };
}

function isId(value: number | undefined): value is number {
  return Number.isInteger(value) && value! >= 0 && value! < 2 ** 31;
}

function bad(file: string, line: number, form: string): KappaError {
  return new KappaError('ERR_DATA_CORRUPT', `${file}, line ${line}: expected "${form}".`);
}
