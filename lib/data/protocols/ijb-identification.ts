import path from 'node:path';

import { KappaError } from '../../errors';
import { readLines } from '../../files/lines';
import type { IjbName, IjbSet } from './ijb';

/** Templates with the people that they are of, by ascending template id. */
export interface IjbIdentities {
  /** Name of the list, like `G1`. */
  readonly name: string;
  /** [N] indices of templates. */
  readonly templates: Int32Array;
  /** [N] ids of people. */
  readonly subjects: Int32Array;
}

/** The lists of the 1:N protocols: two galleries, whose people differ, and the probes. */
export interface IjbIdentification {
  readonly galleries: readonly [IjbIdentities, IjbIdentities];
  readonly probes: IjbIdentities;
}

const GALLERIES: Record<IjbName, readonly [string, string]> = { ijbb: ['S1', 'S2'], ijbc: ['G1', 'G2'] };

/**
 * Reads the lists of IJB's 1:N protocols in a set's `meta` folder: `ijbc_1N_gallery_G1.csv`, `_G2.csv` (IJB-B: `S1`, `S2`)
 * and `ijbc_1N_probe_mixed.csv`, a line for each face; template and subject stand first.
 *
 * @throws KappaError `ERR_DATA_NOT_FOUND`, `ERR_DATA_CORRUPT` naming file and line, `ERR_IO`, `ERR_CANCELLED`
 */
export async function readIjbIdentification(
  set: IjbSet,
  { signal }: { signal?: AbortSignal } = {},
): Promise<IjbIdentification> {
  const place = new Map(Array.from(set.faces.templateIds, (id, index) => [id, index]));
  const read = (name: string, list: string): Promise<IjbIdentities> =>
    readIdentities(path.join(set.root, 'meta', `${set.name}_1N_${list}.csv`), { name, place, signal });
  const [first, second] = GALLERIES[set.name];
  const galleries = [await read(first, `gallery_${first}`), await read(second, `gallery_${second}`)] as const;
  const probes = await read('mixed', 'probe_mixed');
  for (const gallery of galleries) {
    const repeated = gallery.subjects.find((subject, i) => gallery.subjects.indexOf(subject) !== i);
    if (repeated !== undefined)
      throw new KappaError(
        'ERR_DATA_CORRUPT',
        `Gallery ${gallery.name} of ${set.name} has several templates of person ${repeated}; the protocol has one.`,
      );
  }
  const known = galleries.map(({ subjects }) => new Set(subjects));
  for (const [i, subject] of probes.subjects.entries()) {
    const mates = known.filter((subjects) => subjects.has(subject)).length;
    if (mates !== 1)
      throw new KappaError(
        'ERR_DATA_CORRUPT',
        `Person ${subject} of probe template ${set.faces.templateIds[probes.templates[i]!]} is in ${mates} galleries of ${set.name}, where each probe's person is in one.`,
      );
  }
  return { galleries: [galleries[0], galleries[1]], probes };
}

async function readIdentities(
  file: string,
  { name, place, signal }: { name: string; place: ReadonlyMap<number, number>; signal?: AbortSignal },
): Promise<IjbIdentities> {
  const subjectOf = new Map<number, number>();
  for await (const { text, number } of readLines(file, { signal })) {
    if (number === 1 || text === '') continue;
    const [template, subject] = text.split(',', 2).map((column) => Number(column.trim() || 'x'));
    if (!Number.isInteger(template) || !Number.isInteger(subject))
      throw new KappaError(
        'ERR_DATA_CORRUPT',
        `${file}, line ${number}: expected "TEMPLATE_ID,SUBJECT_ID,...", two whole numbers first.`,
      );
    if (!place.has(template!))
      throw new KappaError(
        'ERR_DATA_CORRUPT',
        `${file}, line ${number}: template ${template} has no face in the set's face_tid_mid.txt.`,
      );
    // A line for each face: the first says whose the template is.
    if (!subjectOf.has(template!)) subjectOf.set(template!, subject!);
  }
  if (subjectOf.size === 0) throw new KappaError('ERR_DATA_CORRUPT', `${file} has no templates.`);
  const sorted = [...subjectOf].sort(([a], [b]) => a - b);
  return {
    name,
    templates: Int32Array.from(sorted, ([template]) => place.get(template)!),
    subjects: Int32Array.from(sorted, ([, subject]) => subject),
  };
}
