import { readFile } from 'node:fs/promises';

import { ioError, KappaError } from '../../errors';
import { writeFileAtomically } from '../../files/atomic-file';

/** What features on disk were made of: the JSON beside them. */
export interface AboutFeatures {
  readonly format: 'kappaface-features';
  readonly version: 1;
  /** The checkpoint, for people. */
  readonly checkpoint: string;
  /** Fingerprints: of the weights, and of the faces. */
  readonly model: string;
  readonly faces: string;
  /** What else decides the numbers, by name. */
  readonly flags: Readonly<Record<string, string | number | boolean>>;
  readonly rows: number;
  readonly columns: number;
  /** Rows that are written. */
  readonly done: number;
}

/**
 * Reads what features were made of.
 *
 * @returns undefined where there is nothing
 * @throws KappaError `ERR_DATA_CORRUPT`, `ERR_VERSION`, `ERR_IO`
 */
export async function readAbout(file: string): Promise<AboutFeatures | undefined> {
  const text = await readFile(file, 'utf8').catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') return undefined;
    throw ioError(error, 'read', file);
  });
  if (text === undefined) return undefined;
  let about: Partial<AboutFeatures>;
  try {
    about = JSON.parse(text) as Partial<AboutFeatures>;
  } catch (error) {
    throw new KappaError('ERR_DATA_CORRUPT', `${file} is damaged: it is not JSON.`, { cause: error });
  }
  if (about?.format !== 'kappaface-features' || !Number.isInteger(about.done))
    throw new KappaError('ERR_DATA_CORRUPT', `${file} does not tell of features: it is something else.`);
  if (about.version !== 1)
    throw new KappaError(
      'ERR_VERSION',
      `${file} was written by another version (${String(about.version)}, this one reads 1).`,
    );
  return about as AboutFeatures;
}

/** Writes what features are made of; the file is whole or not there. @throws KappaError `ERR_IO` */
export async function writeAbout(file: string, about: AboutFeatures): Promise<void> {
  await writeFileAtomically(file, (handle) => handle.writeFile(`${JSON.stringify(about, null, 2)}\n`));
}

/** How two differ in what decides the numbers, a clause each. */
export function differencesOf(found: AboutFeatures, wanted: AboutFeatures): string[] {
  const names = new Set([...Object.keys(found.flags), ...Object.keys(wanted.flags)]);
  return [
    ...(found.model === wanted.model ? [] : [`another model (${found.checkpoint})`]),
    ...(found.faces === wanted.faces ? [] : [`other images (${found.rows})`]),
    ...(found.columns === wanted.columns ? [] : [`${found.columns} numbers each`]),
    ...[...names]
      .filter((name) => found.flags[name] !== wanted.flags[name])
      .map(
        (name) =>
          `${name} ${String(found.flags[name] ?? 'none')} instead of ${String(wanted.flags[name] ?? 'none')}`,
      ),
  ];
}
