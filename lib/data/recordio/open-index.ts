import { stat } from 'node:fs/promises';
import { KappaError, ioError } from '../../errors';
import { checkIndex, type IndexCheck } from './check-index';
import { readRecordIndex, writeRecordIndex, type RecordIndex } from './index-file';
import type { RecordReader } from './reader';
import { scanRecords, type ScanOptions } from './scan';

export interface OpenIndexOptions extends ScanOptions {
  /**
   * Make an index that is missing, damaged or older than the record file anew, by a scan of that. One that belongs to
   * another file is an error all the same: which of both is the wrong one, nobody can tell.
   */
  rebuildIndex: boolean;
  /** Keep what a scan found. @default true */
  cache?: boolean;
  /** Told when that happened, and why. */
  onMessage?: (text: string) => void;
}

export interface OpenedIndex {
  index: RecordIndex;
  /** The file it was read from or is kept in; undefined where the folder cannot be written. */
  path: string | undefined;
}

/** Where an index is kept that was made because the given one does not fit; that one is left alone. */
export function rebuiltIndexPath(idxPath: string): string {
  return `${idxPath}.rebuilt`;
}

/**
 * Reads the index of a record file and makes sure that it belongs to it; one that is missing or does not fit is made
 * anew. A made index is kept as `train.idx` where there was none, as `train.idx.rebuilt` beside one that does not fit.
 * @throws KappaError ERR_DATA_NOT_FOUND, ERR_DATA_CORRUPT, ERR_IO, ERR_CANCELLED
 */
export async function openRecordIndex(
  records: RecordReader,
  idxPath: string,
  options: OpenIndexOptions,
): Promise<OpenedIndex> {
  const { rebuildIndex, onMessage } = options;
  const given = await tryIndex(records, idxPath);
  if (given.index) {
    const { tried = 0, missed = 0, firstMiss } = given.check ?? {};
    if (missed > 0)
      onMessage?.(
        `${records.path} is damaged: of ${tried} records that were tried ${missed} are not where the index puts them (${firstMiss}). kappa data check lists them all.`,
      );
    return { index: given.index, path: idxPath };
  }
  if (given.foreign)
    throw new KappaError(
      'ERR_DATA_CORRUPT',
      `${idxPath} belongs to another file than ${records.path}, or is damaged: ${given.problem}. Fetch the one that belongs to this file, or remove it, and an index is made by a scan.`,
    );
  const why = given.missing ? `${idxPath} is missing` : `${idxPath} does not fit: ${given.problem}`;
  if (!rebuildIndex)
    throw new KappaError(
      given.missing ? 'ERR_DATA_NOT_FOUND' : 'ERR_DATA_CORRUPT',
      given.missing
        ? `There is no index ${idxPath}. Fetch it, or let it be made by a scan of ${records.path} (rebuildIndex).`
        : `${idxPath} is damaged, or belongs to an older ${records.path}: ${given.problem}. Fetch the index of this file, or let it be made by a scan (rebuildIndex).`,
    );
  const target = given.missing ? idxPath : rebuiltIndexPath(idxPath);
  if (!given.missing) {
    const kept = await tryIndex(records, target);
    if (kept.index) {
      onMessage?.(`${why}. The index that was made by an earlier scan is used: ${target}.`);
      return { index: kept.index, path: target };
    }
  }
  onMessage?.(`${why}. An index is made by a scan of ${records.path} ...`);
  const index = await scan(records, why, options);
  const path = await (options.cache === false
    ? undefined
    : writeRecordIndex(target, index).then(
        () => target,
        () => undefined,
      ));
  onMessage?.(
    `An index of ${index.keys.length} records was made${path === undefined ? ` (it was not kept as ${target}: the next start scans again)` : ` and kept as ${path}`}.`,
  );
  return { index, path };
}

async function scan(records: RecordReader, why: string, options: ScanOptions): Promise<RecordIndex> {
  try {
    return await scanRecords(records.path, options);
  } catch (error) {
    if (!(error instanceof KappaError) || error.code !== 'ERR_DATA_CORRUPT') throw error;
    throw new KappaError('ERR_DATA_CORRUPT', `${error.message} (${why}, and none can be made.)`, {
      cause: error,
    });
  }
}

interface TriedIndex {
  index?: RecordIndex;
  check?: IndexCheck;
  missing?: boolean;
  problem?: string;
  foreign?: boolean;
}

/** Reads an index and checks it; damage and misfit are told, not thrown. */
async function tryIndex(records: RecordReader, path: string): Promise<TriedIndex> {
  try {
    await stat(path);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return { missing: true };
    throw ioError(error, 'read', path);
  }
  let index: RecordIndex;
  try {
    index = await readRecordIndex(path);
  } catch (error) {
    if (!(error instanceof KappaError) || error.code !== 'ERR_DATA_CORRUPT') throw error;
    return { problem: error.message.replace(/\.$/, '') };
  }
  const check = checkIndex(records, index);
  return check.problem === undefined ? { index, check } : { problem: check.problem, foreign: check.foreign };
}
