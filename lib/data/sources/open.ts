import type { Stats } from 'node:fs';
import { readdir, stat } from 'node:fs/promises';
import { KappaError, argumentError, ioError } from '../../errors';
import type { ResolvedSource } from './options';
import { LAYOUT_HELP, type OpenSourceOptions, type OpenedSource } from './source';
import { openFolderSource } from './folder-source';
import { openListSource } from './list-source';
import { openRecordSource } from './record-source';

const RECORD_FILES = ['train.rec', 'train.idx', 'property'];

/** Whether what lies at a place is a source: a folder, or by its name a record file or a list. */
export function isSource(place: string, info: Stats): boolean {
  return info.isDirectory() || place.endsWith('.rec') || place.endsWith('.lst');
}

/**
 * Opens a source of any kind: what lies at its root decides.
 * @throws KappaError ERR_ARGUMENT, ERR_CONFIG, ERR_DATA_NOT_FOUND, ERR_DATA_CORRUPT, ERR_LABEL_RANGE, ERR_IO,
 *   ERR_CANCELLED
 */
export async function openSource(source: ResolvedSource, options: OpenSourceOptions): Promise<OpenedSource> {
  const { root, list, numClasses } = source;
  if (root === undefined && list === undefined) throw argumentError('root', 'a folder, or a list', undefined);
  const listFile = list ?? (root?.endsWith('.lst') ? root : undefined);
  if (listFile !== undefined) {
    await mustExist(listFile, `There is no list ${listFile}.`);
    return openListSource(listFile, list === undefined ? undefined : root, numClasses, options);
  }
  const place = root!;
  if (place.endsWith('.rec')) return openRecordSource(place, numClasses, options);
  await mustExist(place, `There is no folder ${place}. ${LAYOUT_HELP}.`);
  const names = await readdir(place).catch((error: unknown) => {
    throw ioError(error, 'read the folder', place);
  });
  if (RECORD_FILES.some((name) => names.includes(name))) return openRecordSource(place, numClasses, options);
  const opened = await openFolderSource(place, options);
  if (numClasses !== undefined && opened.numClasses !== numClasses)
    throw new KappaError(
      'ERR_CONFIG',
      `${numClasses} classes were expected, but ${place} has the folders of ${opened.numClasses} identities.`,
    );
  return opened;
}

async function mustExist(file: string, message: string): Promise<void> {
  try {
    await stat(file);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw ioError(error, 'read', file);
    throw new KappaError('ERR_DATA_NOT_FOUND', message, { cause: error });
  }
}
