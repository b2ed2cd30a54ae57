import { mkdir, rm } from 'node:fs/promises';
import path from 'node:path';

import { ioError, KappaError } from '../../errors';
import { holdLock, type HeldLock } from '../../files/lock';
import { differencesOf, readAbout, writeAbout, type AboutFeatures } from './about-features';
import { writeIndex, type FeatureStore } from './feature-files';
import type { FeatureSink } from './feature-sink';

/** Where features lie. */
export interface FeaturePlaces {
  /** What tells how they were made. */
  about: string;
  /** What they are of, a name a line. */
  index: string;
}

export interface FeatureFolderOptions {
  places: FeaturePlaces;
  about: AboutFeatures;
  names: readonly string[];
  /** One for the features, or one for those of the faces and one for those of the mirror images. */
  stores: readonly FeatureStore[];
  /** The rows of each store, of what the network gives. */
  rows: (plain: Float32Array, mirrored: Float32Array | undefined) => readonly Float32Array[];
  /** Begins anew where there is something else. @default false: it is an error */
  overwrite?: boolean;
  /** Told what is worth a line. */
  onMessage?: (text: string) => void;
}

/** Rows are held back until so many numbers have come, or so much time has passed. */
const HELD_NUMBERS = 1 << 21;
const HELD_MS = 2000;

/** Features on disk, piece by piece: what was begun with the same model, faces and options goes on where it ended. */
export class FeatureFolder implements FeatureSink {
  readonly done: number;
  readonly #options: FeatureFolderOptions;
  readonly #lock: HeldLock;
  #written: number;
  #next: number;
  #held: { from: number; rows: readonly Float32Array[] }[] = [];
  #heldNumbers = 0;
  #flushed = performance.now();

  private constructor(options: FeatureFolderOptions, lock: HeldLock, done: number) {
    this.#options = options;
    this.#lock = lock;
    this.done = this.#written = this.#next = done;
  }

  /**
   * Opens a place for features.
   *
   * @throws KappaError `ERR_ARGUMENT` where there is something else that may not be overwritten, `ERR_LOCKED` where
   *   another process writes there, `ERR_DATA_CORRUPT`, `ERR_IO`
   */
  static async open(options: FeatureFolderOptions): Promise<FeatureFolder> {
    const { places, about, stores, names, onMessage } = options;
    await mkdir(path.dirname(places.about), { recursive: true }).catch((error: unknown) => {
      throw ioError(error, 'create the folder', path.dirname(places.about));
    });
    const lock = await holdLock(`${places.about}.lock`, places.about);
    try {
      const done = await doneBefore(options);
      if (done === 0) {
        for (const store of stores) await store.clear();
        await rm(places.about, { force: true });
        await writeIndex(places.index, names);
      }
      if (done < about.rows || done === 0) for (const store of stores) await store.begin(done);
      if (done > 0)
        onMessage?.(
          done === about.rows
            ? `All ${done} features are there already.`
            : `Going on: ${done} of ${about.rows} features are there.`,
        );
      return new FeatureFolder(options, lock, done);
    } catch (error) {
      for (const store of stores) await store.close();
      lock.release();
      throw error;
    }
  }

  async write(from: number, plain: Float32Array, mirrored: Float32Array | undefined): Promise<void> {
    const rows = this.#options.rows(plain, mirrored);
    this.#held.push({ from, rows });
    this.#next = from + plain.length / this.#options.about.columns;
    this.#heldNumbers += rows.reduce((sum, { length }) => sum + length, 0);
    if (this.#heldNumbers >= HELD_NUMBERS || performance.now() - this.#flushed > HELD_MS) await this.#flush();
  }

  async finish(): Promise<void> {
    const { about, stores } = this.#options;
    if (this.done < about.rows || about.rows === 0) {
      await this.#flush();
      for (const store of stores) await store.finish();
      await this.#tell();
    }
    this.#lock.release();
  }

  async abandon(): Promise<void> {
    try {
      if (this.#next > this.#written) await this.#flush();
    } catch {
      // What failed before is told already; what is on the disk stays.
    }
    for (const store of this.#options.stores) await store.close();
    this.#lock.release();
  }

  async #flush(): Promise<void> {
    const { stores } = this.#options;
    for (const { from, rows } of this.#held)
      for (const [s, store] of stores.entries()) await store.write(from, rows[s]!);
    this.#held = [];
    this.#heldNumbers = 0;
    for (const store of stores) await store.flush();
    this.#written = this.#next;
    if (this.#written < this.#options.about.rows) await this.#tell();
    this.#flushed = performance.now();
  }

  async #tell(): Promise<void> {
    const { places, about } = this.#options;
    await writeAbout(places.about, { ...about, done: this.#written });
  }
}

/** How many rows are there already, of the same model, faces and options. */
async function doneBefore({ places, about, stores, overwrite }: FeatureFolderOptions): Promise<number> {
  if (overwrite) return 0;
  const found = await readAbout(places.about);
  const there = await Promise.all(stores.map((store) => store.isThere()));
  if (found === undefined) {
    if (!there.includes(true) || about.rows === 0) return 0;
    throw new KappaError(
      'ERR_ARGUMENT',
      `There are features at ${places.about.replace(/\.json$/, '')} already, and nothing tells what they are of. Choose another place, or say that they may be overwritten (--overwrite).`,
    );
  }
  const differences = differencesOf(found, about);
  if (differences.length > 0)
    throw new KappaError(
      'ERR_ARGUMENT',
      `${places.about} tells of features that were made otherwise: ${differences.join(', ')}. Choose another place, or say that they may be overwritten (--overwrite).`,
    );
  if (found.done < about.rows) return found.done;
  if (there.includes(false))
    throw new KappaError(
      'ERR_DATA_CORRUPT',
      `${places.about} says that all ${about.rows} features are written, but some are not there. Begin anew (--overwrite).`,
    );
  return found.done;
}
