import { readdir } from 'node:fs/promises';
import path from 'node:path';

import { ioError, KappaError } from '../errors';
import { openNpy } from './npy';
import { readOpencvMatrix } from './opencv-matrix';

/** Features that are read in pieces: there may be more than fit into memory. */
export interface FeatureRows {
  /** How many there are. */
  readonly count: number;
  readonly dimension: number;
  /**
   * Reads some of them, one row after the other, on memory that a tensor can use in place.
   *
   * @param rows ascending
   */
  read(rows: Uint32Array, options?: { signal?: AbortSignal }): Promise<Float32Array>;
  /** Closes the files. */
  close(): Promise<void>;
}

const FILES_AT_ONCE = 64;

/** Room for so many rows, shared with the addon. */
export function roomForRows(rows: number, dimension: number): Float32Array {
  return new Float32Array(new SharedArrayBuffer(4 * rows * dimension));
}

/** Features in memory. @param data [count, dimension]; it must stay as it is */
export function featuresInMemory(data: Float32Array, count: number): FeatureRows {
  const dimension = data.length / count;
  return {
    count,
    dimension,
    read: (rows) => {
      const [first = 0, last = first] = [rows[0], rows.at(-1)];
      // Nothing is copied where a tensor can use them as they lie.
      if (data.buffer instanceof SharedArrayBuffer && last - first === rows.length - 1)
        return Promise.resolve(data.subarray(first * dimension, (last + 1) * dimension));
      const out = roomForRows(rows.length, dimension);
      for (const [i, row] of rows.entries())
        out.set(data.subarray(row * dimension, (row + 1) * dimension), i * dimension);
      return Promise.resolve(out);
    },
    close: () => Promise.resolve(),
  };
}

/**
 * Opens a folder of features, a file for each as MegaFace's devkit takes them: a matrix of OpenCV with one row or one
 * column.
 *
 * @param names paths below the folder, without the ending
 * @param ending such as `_r100.bin`
 * @throws KappaError here or on reading: `ERR_DATA_NOT_FOUND`, `ERR_DATA_CORRUPT`, `ERR_IO`, `ERR_CANCELLED`
 */
export async function openFeatureFiles(
  root: string,
  names: readonly string[],
  ending: string,
): Promise<FeatureRows> {
  const fileOf = (row: number): string => path.join(root, `${names[row]!}${ending}`);
  const readOne = async (row: number): Promise<Float32Array> => {
    const { data, rows, columns } = await readOpencvMatrix(fileOf(row));
    if ((rows !== 1 && columns !== 1) || data.length === 0)
      throw new KappaError(
        'ERR_DATA_CORRUPT',
        `${fileOf(row)} has ${rows} x ${columns} numbers; a feature is one row or one column.`,
      );
    return data;
  };
  const dimension = names.length > 0 ? (await readOne(0)).length : 0;
  return {
    count: names.length,
    dimension,
    read: async (rows, { signal } = {}) => {
      const out = roomForRows(rows.length, dimension);
      let next = 0;
      const work = async (): Promise<void> => {
        while (next < rows.length) {
          if (signal?.aborted) throw new KappaError('ERR_CANCELLED', `Reading ${root} was cancelled.`);
          const i = next++;
          const feature = await readOne(rows[i]!);
          if (feature.length !== dimension)
            throw new KappaError(
              'ERR_DATA_CORRUPT',
              `${fileOf(rows[i]!)} has ${feature.length} numbers, but ${fileOf(0)} has ${dimension}. All features are of one model.`,
            );
          out.set(feature, i * dimension);
        }
      };
      await Promise.all(Array.from({ length: Math.min(FILES_AT_ONCE, rows.length) }, work));
      return out;
    },
    close: () => Promise.resolve(),
  };
}

/**
 * The features in a folder and below it, as paths without the ending, sorted by code units.
 *
 * @throws KappaError `ERR_DATA_NOT_FOUND` for a folder that is not there or has none, `ERR_IO`
 */
export async function featureFilesBelow(root: string, ending: string): Promise<string[]> {
  const all = await readdir(root, { recursive: true }).catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT')
      throw new KappaError('ERR_DATA_NOT_FOUND', `There is no folder ${root}.`, { cause: error });
    throw ioError(error, 'read the folder', root);
  });
  const found = all
    .filter((name) => name.endsWith(ending))
    .map((name) => name.slice(0, -ending.length).split(path.sep).join('/'));
  if (found.length === 0)
    throw new KappaError('ERR_DATA_NOT_FOUND', `No file in ${root} or below it ends in ${ending}.`);
  return found.sort();
}

/**
 * Opens features in a matrix of NumPy.
 *
 * @param index what each row is of
 * @param names the rows that are wanted, in the order in which they get their numbers
 * @throws KappaError here or on reading: `ERR_DATA_NOT_FOUND` for a name that the index has not, `ERR_DATA_CORRUPT`,
 *   `ERR_IO`
 */
export async function openFeatureTable(
  file: string,
  index: readonly string[],
  names: readonly string[],
): Promise<FeatureRows> {
  const table = await openNpy(file);
  try {
    if (table.rows !== index.length)
      throw new KappaError(
        'ERR_DATA_CORRUPT',
        `${file} has ${table.rows} rows, but its index names ${index.length}.`,
      );
    const place = index === names ? undefined : new Map(index.map((name, row) => [name, row]));
    const rowOf = Uint32Array.from(names, (name, i) => {
      const row = place ? place.get(name) : i;
      if (row === undefined)
        throw new KappaError('ERR_DATA_NOT_FOUND', `${file} has no features of ${name}, by its index.`);
      return row;
    });
    const { columns: dimension } = table;
    return {
      count: names.length,
      dimension,
      read: async (rows) => {
        const out = roomForRows(rows.length, dimension);
        // Rows that lie one after the other are read at once.
        for (let from = 0; from < rows.length;) {
          const first = rowOf[rows[from]!]!;
          let count = 1;
          while (from + count < rows.length && rowOf[rows[from + count]!] === first + count) count++;
          await table.read(first, out.subarray(from * dimension, (from + count) * dimension));
          from += count;
        }
        return out;
      },
      close: () => table.close(),
    };
  } catch (error) {
    await table.close();
    throw error;
  }
}
