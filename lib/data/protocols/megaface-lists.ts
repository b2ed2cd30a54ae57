import { readFile } from 'node:fs/promises';
import path from 'node:path';

import { ioError, KappaError } from '../../errors';
import { readLines } from '../../files/lines';

/** A list of photos, or of their features. */
export interface PathList {
  readonly paths: readonly string[];
  /** Whose each is, where the list says so. */
  readonly ids?: readonly string[];
}

/**
 * Reads a list of paths: JSON with an array `path`, and perhaps one `id`, as MegaFace's devkit has them, or one path a
 * line.
 *
 * @throws KappaError `ERR_DATA_NOT_FOUND`, `ERR_DATA_CORRUPT`, `ERR_IO`, `ERR_CANCELLED`
 */
export async function readPathList(file: string, options: { signal?: AbortSignal } = {}): Promise<PathList> {
  // megaface_features_list.json_1000000_1
  if (/\.json(_\d+_\d+)?$/.test(path.basename(file))) return readJsonList(file);
  const paths: string[] = [];
  for await (const { text } of readLines(file, options)) {
    const name = text.trim();
    if (name !== '') paths.push(checkedPath(name, file));
  }
  if (paths.length === 0) throw new KappaError('ERR_DATA_CORRUPT', `${file} has no lines.`);
  return { paths };
}

async function readJsonList(file: string): Promise<PathList> {
  const text = await readFile(file, 'utf8').catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT')
      throw new KappaError('ERR_DATA_NOT_FOUND', `There is no list ${file}.`, { cause: error });
    throw ioError(error, 'read', file);
  });
  let list: { path?: unknown; id?: unknown } | null;
  try {
    list = JSON.parse(text) as typeof list;
  } catch (error) {
    throw new KappaError('ERR_DATA_CORRUPT', `${file} is not JSON: it is cut off, or something else.`, {
      cause: error,
    });
  }
  const isTexts = (values: unknown): values is string[] =>
    Array.isArray(values) && values.every((value) => typeof value === 'string');
  if (list === null || !isTexts(list.path) || list.path.length === 0)
    throw new KappaError('ERR_DATA_CORRUPT', `${file}: expected {"path": [...]} with a path for each photo.`);
  for (const name of list.path) checkedPath(name, file);
  if (list.id === undefined) return { paths: list.path };
  if (!Array.isArray(list.id) || list.id.length !== list.path.length)
    throw new KappaError(
      'ERR_DATA_CORRUPT',
      `${file}: expected in "id" whose each photo of "path" is, ${list.path.length} of them.`,
    );
  return { paths: list.path, ids: list.id.map(String) };
}

/** Lists come from elsewhere: none leads out of the folder that it is of. */
function checkedPath(name: string, file: string): string {
  if (path.isAbsolute(name) || name.split(/[\\/]/).includes('..'))
    throw new KappaError('ERR_DATA_CORRUPT', `${file}: ${name} leads out of the folder of the photos.`);
  return name;
}

/** Photos that show somebody else, or that should not be there. */
export interface MegafaceNoises {
  /** Names of FaceScrub's files, without folders. */
  readonly probes: ReadonlySet<string>;
  /** Paths of distractors. */
  readonly distractors: ReadonlySet<string>;
}

/**
 * Reads insightface's lists of noise: `facescrub_noises.txt` (file names) and `megaface_noises.txt` (paths, in the second
 * column where there are tabs); lines that begin with # are comments.
 *
 * @param folder that has both
 * @throws KappaError `ERR_DATA_NOT_FOUND`, `ERR_DATA_CORRUPT`, `ERR_IO`
 */
export async function readMegafaceNoises(
  folder: string,
  options: { signal?: AbortSignal } = {},
): Promise<MegafaceNoises> {
  const read = async (name: string, entry: (line: string) => string): Promise<Set<string>> => {
    const entries = new Set<string>();
    for await (const { text } of readLines(path.join(folder, name), options)) {
      const line = text.trim();
      if (line !== '' && !line.startsWith('#')) entries.add(entry(line));
    }
    return entries;
  };
  return {
    probes: await read('facescrub_noises.txt', (line) => path.posix.basename(line)),
    distractors: await read('megaface_noises.txt', (line) => (line.split('\t')[1] ?? line).trim()),
  };
}
