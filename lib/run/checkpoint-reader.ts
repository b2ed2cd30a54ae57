import { readFile } from 'node:fs/promises';
import path from 'node:path';

import { KappaError } from '../errors';
import { readHead, stranger, TENSORS } from '../files/strangers';
import { readSafetensors, readTensorRows, tensorPlaces } from '../io/safetensors';
import type { RowsPlace, TensorPlace } from '../io/safetensors';
import type { Tensor } from '../tensor/tensor';
import { CHECKPOINT_VERSION, STATE_FILE, fileOfAll, fileOfRank, stamp } from './checkpoint-layout';
import type { ShardRows, StateFile } from './checkpoint-layout';

/** Rows `[first, first + count)`. */
export interface RowRange {
  first: number;
  count: number;
}

/** Says which rows of a tensor are wanted, of all that there are. */
export type RowsOf = (tensor: string, totalRows: number) => RowRange;

const everyRow: RowsOf = (_tensor, totalRows) => ({ first: 0, count: totalRows });

/** A checkpoint as read from disk. */
export interface LoadedCheckpoint<S> {
  readonly folder: string;
  /** Version of its layout: 1 is that of a single process, before there were shards. */
  readonly version: number;
  /** Ranks that wrote it. */
  readonly worldSize: number;
  readonly state: S;
  /** Whether it has tensors of that name that are in common, or spread over the ranks. */
  has(name: string): boolean;
  /** Reads tensors that all ranks have in common; those that are spread over the ranks as a whole. */
  tensors(name: string): Promise<Map<string, Tensor>>;
  /**
   * Reads rows of the tensors that are spread over the ranks, whatever the ranks were when they were written; of those in
   * common, too. A scalar counts as one row.
   */
  shardedTensors(name: string, rowsOf: RowsOf): Promise<Map<string, Tensor>>;
  /** Reads what one rank had for itself; undefined where there was no such rank. */
  ownTensors(name: string, rank: number): Promise<Map<string, Tensor> | undefined>;
}

/**
 * Opens a checkpoint.
 *
 * @param folder from `resolveCheckpoint`
 * @throws KappaError `ERR_CHECKPOINT` if a file is missing or damaged, `ERR_VERSION` for one of a later version
 */
export async function openCheckpoint<S>(folder: string): Promise<LoadedCheckpoint<S>> {
  return new Reader<S>(folder, await readState<S>(folder));
}

function damaged(folder: string, why: string): KappaError {
  return new KappaError(
    'ERR_CHECKPOINT',
    `The checkpoint ${folder} is damaged: ${why}. Name the folder of an older one beside it instead; training takes it after --resume.`,
  );
}

async function readState<S>(folder: string): Promise<StateFile<S>> {
  const text = await readFile(path.join(folder, STATE_FILE), 'utf8').catch((error: unknown) => {
    throw damaged(folder, `${STATE_FILE} cannot be read (${(error as Error).message})`);
  });
  let content: StateFile<S>;
  try {
    content = JSON.parse(text) as StateFile<S>;
  } catch {
    const found = stranger(Buffer.from(text));
    throw damaged(folder, `${STATE_FILE} is ${found ? `${found.is}. ${found.advice}` : 'not JSON'}`);
  }
  if (![1, CHECKPOINT_VERSION].includes(content.version))
    throw new KappaError(
      'ERR_VERSION',
      `The checkpoint ${folder} has version ${String(content.version)}; this kappaface reads versions 1 and ${CHECKPOINT_VERSION}.`,
    );
  const isObject = (value: unknown): boolean => typeof value === 'object' && value !== null;
  if (!isObject(content.files)) throw damaged(folder, `${STATE_FILE} lists no files`);
  if (content.version === 1) return { ...content, worldSize: 1, shards: {} };
  if (!(Number.isSafeInteger(content.worldSize) && content.worldSize > 0) || !isObject(content.shards))
    throw damaged(folder, `${STATE_FILE} does not tell of its ranks`);
  return content;
}

function isCount(value: unknown): boolean {
  return Number.isSafeInteger(value) && (value as number) >= 0;
}

/** Where a tensor lies in one of the files that have rows of it. */
interface Shard extends TensorPlace {
  path: string;
}

class Reader<S> implements LoadedCheckpoint<S> {
  readonly version: number;
  readonly worldSize: number;
  readonly state: S;
  readonly #content: StateFile<S>;
  readonly #checked = new Map<string, Promise<string>>();
  readonly #places = new Map<string, Promise<Map<string, TensorPlace>>>();

  constructor(
    readonly folder: string,
    content: StateFile<S>,
  ) {
    this.version = content.version;
    this.worldSize = content.worldSize;
    this.state = content.state;
    this.#content = content;
  }

  has(name: string): boolean {
    return Object.hasOwn(this.#content.shards, name) || Object.hasOwn(this.#content.files, fileOfAll(name));
  }

  async tensors(name: string): Promise<Map<string, Tensor>> {
    if (Object.hasOwn(this.#content.shards, name)) return this.shardedTensors(name, everyRow);
    return readSafetensors(await this.#check(fileOfAll(name)));
  }

  async shardedTensors(name: string, rowsOf: RowsOf): Promise<Map<string, Tensor>> {
    const rows = await this.#shardRows(name);
    // What is asked for is looked at before anything is read.
    const wanted = Object.entries(rows).map(([tensor, byRank]) => {
      const total = byRank.reduce((sum, count) => sum + count, 0);
      const range = rowsOf(tensor, total);
      const { first, count } = range;
      if (!isCount(first) || !isCount(count) || first + count > total)
        throw new KappaError(
          'ERR_ARGUMENT',
          `Expected a range of the ${total} rows of ${tensor} but received ${JSON.stringify(range)}.`,
        );
      return { tensor, byRank, range };
    });
    const tensors = new Map<string, Tensor>();
    try {
      for (const { tensor, byRank, range } of wanted)
        tensors.set(tensor, await this.#readRows(name, tensor, byRank, range));
    } catch (error) {
      for (const tensor of tensors.values()) tensor.dispose();
      throw error;
    }
    return tensors;
  }

  async ownTensors(name: string, rank: number): Promise<Map<string, Tensor> | undefined> {
    if (rank >= this.worldSize) return undefined;
    return readSafetensors(await this.#check(fileOfRank(name, rank, this.worldSize)));
  }

  /** Rows of each tensor of a group, by rank. A group that is not spread counts as one of a single rank. */
  async #shardRows(name: string): Promise<ShardRows> {
    const rows = this.#content.shards[name];
    if (rows === undefined) {
      const places = await this.#placesIn(fileOfAll(name));
      return Object.fromEntries([...places].map(([tensor, { shape }]) => [tensor, [shape[0] ?? 1]]));
    }
    for (const [tensor, counts] of Object.entries(rows))
      if (!Array.isArray(counts) || counts.length !== this.worldSize || !counts.every(isCount))
        throw damaged(this.folder, `${STATE_FILE} does not tell the rows of ${tensor} on each rank`);
    return rows;
  }

  async #readRows(
    name: string,
    tensor: string,
    byRank: readonly number[],
    { first, count }: RowRange,
  ): Promise<Tensor> {
    const pieces: RowsPlace[] = [];
    let like: Shard | undefined;
    let start = 0;
    for (const [rank, rows] of byRank.entries()) {
      const from = Math.max(first, start);
      const to = Math.min(first + count, start + rows);
      // Where no row is wanted, the first file tells the type and the other dimensions.
      if (to > from || (count === 0 && rank === 0)) {
        const shard = await this.#shard(name, tensor, rank, byRank.length, rows);
        like ??= shard;
        if (shard.dtype !== like.dtype || shard.shape.slice(1).join() !== like.shape.slice(1).join())
          throw damaged(this.folder, `${tensor} is not the same in ${shard.path} as in ${like.path}`);
        const bytesOfRow = rows === 0 ? 0 : shard.bytes / rows;
        if (to > from)
          pieces.push({
            path: shard.path,
            offset: shard.offset + (from - start) * bytesOfRow,
            rows: to - from,
          });
      }
      start += rows;
    }
    if (like === undefined) throw damaged(this.folder, `no file has ${tensor}`);
    const shape = like.shape.length === 0 ? [] : [count, ...like.shape.slice(1)];
    return readTensorRows(like.dtype, shape, pieces);
  }

  async #shard(name: string, tensor: string, rank: number, ranks: number, rows: number): Promise<Shard> {
    const file = fileOfRank(name, rank, ranks);
    const place = (await this.#placesIn(file)).get(tensor);
    if (place === undefined || (place.shape[0] ?? 1) !== rows)
      throw damaged(this.folder, `${file} does not have the ${rows} rows of ${tensor}`);
    return { ...place, path: path.join(this.folder, file) };
  }

  #placesIn(file: string): Promise<Map<string, TensorPlace>> {
    let places = this.#places.get(file);
    if (places === undefined) {
      places = this.#check(file).then(tensorPlaces);
      this.#places.set(file, places);
    }
    return places;
  }

  /**
   * Compares a file with its checksum, once. That reads all of it, also where a few rows are wanted: with W ranks before
   * and V now a file is read by V / W of them, rounded up, so that together they read the checkpoint once or a little
   * more than V / W times. What is read twice comes from the system's cache.
   */
  #check(file: string): Promise<string> {
    let checked = this.#checked.get(file);
    if (checked === undefined) {
      checked = this.#compare(file);
      this.#checked.set(file, checked);
    }
    return checked;
  }

  async #compare(file: string): Promise<string> {
    const place = path.join(this.folder, file);
    const expected = this.#content.files[file];
    if (!expected) throw damaged(this.folder, `it has no ${file}`);
    const found = await stamp(place).catch((error: KappaError) => {
      const isMissing = (error.cause as NodeJS.ErrnoException | undefined)?.code === 'ENOENT';
      throw isMissing ? damaged(this.folder, `${file} is missing`) : error;
    });
    if (found.bytes !== expected.bytes || found.sha256 !== expected.sha256) {
      const other = stranger(await readHead(place));
      if (other && other.is !== TENSORS)
        throw damaged(this.folder, `${file} is ${other.is}. ${other.advice}`);
      throw damaged(this.folder, `${file} does not match its checksum`);
    }
    return place;
  }
}
