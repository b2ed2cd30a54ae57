import { randomBytes } from 'node:crypto';
import { mkdir, open, readFile, readdir, rename, rm, stat, statfs } from 'node:fs/promises';
import path from 'node:path';

import { writeFileAtomically } from '../files/atomic-file';
import { syncFile } from '../files/sync-file';
import { readHead, stranger } from '../files/strangers';
import { KappaError, ioError } from '../errors';
import { CHECKPOINT_VERSION, STATE_FILE } from './checkpoint-layout';
import type { CheckpointTensors, StateFile } from './checkpoint-layout';
import { CheckpointPart, joinParts } from './checkpoint-part';
import type { WrittenPart } from './checkpoint-part';
import { alone, together } from './peers';
import type { Peers } from './peers';

const folderPattern = /^step-(\d{8,})$/;

export interface SaveOptions {
  /** Whether `best` names it. @default false */
  best?: boolean;
  /** Whether `last` names it; otherwise it is only kept. @default true */
  last?: boolean;
  /** The processes that save together. @default alone */
  peers?: Peers;
  /** Bytes of memory that copies of the tensors may take. @default 0 */
  memory?: number;
}

/** A checkpoint on its way to the disk. */
export interface PendingCheckpoint {
  /** Where it will be. */
  readonly folder: string;
  /** Bytes that had to be written before the tensors could change again, for want of memory for copies. */
  readonly uncopiedBytes: number;
  /** Its folder, once it is there, on all ranks. Rejected with what a rank met: KappaError `ERR_IO` and others. */
  readonly written: Promise<string>;
}

function folderOfStep(step: number): string {
  return `step-${String(step).padStart(8, '0')}`;
}

async function exists(file: string): Promise<boolean> {
  return (await stat(file).catch(() => undefined)) !== undefined;
}

async function syncFolder(folder: string): Promise<void> {
  // Not every system can open a folder; there the rename is as durable as it gets.
  const handle = await open(folder, 'r').catch(() => undefined);
  if (handle) await syncFile(handle).catch(() => undefined);
  await handle?.close();
}

/** The checkpoints of a run: `checkpoints/step-00000123/`, and `best` and `last`, text files that name one. */
export class CheckpointFolder {
  constructor(readonly root: string) {}

  /**
   * Writes a checkpoint, see {@link begin}, and waits until it is on the disk.
   *
   * @returns the checkpoint's folder
   * @throws KappaError `ERR_IO`
   */
  async save(
    step: number,
    tensors: CheckpointTensors,
    state: unknown,
    options: SaveOptions = {},
  ): Promise<string> {
    return (await this.begin(step, tensors, state, options)).written;
  }

  /**
   * Begins to write a checkpoint, on every rank: aside, synced, renamed when all ranks have written their part, and only
   * then pointed at by `last` (and `best`). Whatever happens on the way, the checkpoints from before stay usable. Only
   * one may be on its way at a time.
   *
   * @param state anything that JSON can hold, taken as it is now; that of rank 0 is kept
   * @returns when the tensors may change again: as much as fits into `memory` is copied, only the rest is written by then
   * @throws KappaError `ERR_IO`
   */
  async begin(
    step: number,
    tensors: CheckpointTensors,
    state: unknown,
    { best = false, last = true, peers = alone, memory = 0 }: SaveOptions = {},
  ): Promise<PendingCheckpoint> {
    const folder = path.join(this.root, folderOfStep(step));
    const text = JSON.stringify(state);
    const part = new CheckpointPart(tensors, peers, memory);
    let free = (): void => undefined;
    const freed = new Promise<void>((resolve) => (free = resolve));
    const written = this.#write(step, part, text, peers, free).then(async () => {
      await together(peers, async () => {
        if (peers.rank > 0) return;
        if (last) await this.point('last', folder);
        if (best) await this.point('best', folder);
      });
      return folder;
    });
    written.catch(() => undefined); // reported by whoever waits for it
    if (part.uncopiedBytes > 0) await Promise.race([freed, written]);
    else await part.copied().catch(() => written);
    return { folder, uncopiedBytes: part.uncopiedBytes, written };
  }

  /** Writes this rank's part; rank 0 makes the folder before that, and commits it when all have written theirs. */
  async #write(
    step: number,
    part: CheckpointPart,
    state: string,
    peers: Peers,
    onFree: () => void,
  ): Promise<void> {
    const isFirst = peers.rank === 0;
    let partial: string | undefined;
    try {
      const bytes = await together(peers, () => Promise.resolve(part.bytes));
      const [name] = (await together(peers, async () => {
        if (!isFirst) return '';
        partial = await this.#makePartial(step, sum(bytes));
        return path.basename(partial);
      })) as [string];
      const place = path.join(this.root, name);
      const parts = await together(peers, () =>
        part.write(place, onFree).catch((error: unknown) => {
          throw ioError(error, 'write the checkpoint', path.join(this.root, folderOfStep(step)));
        }),
      );
      await together(peers, async () => {
        if (isFirst) await this.#commit(step, place, parts, state, peers.worldSize);
      });
    } catch (error) {
      if (isFirst && partial !== undefined)
        await rm(partial, { recursive: true, force: true }).catch(() => undefined);
      throw error;
    } finally {
      await part.dispose();
    }
  }

  /** Makes the folder that all ranks write into. */
  async #makePartial(step: number, bytes: number): Promise<string> {
    // No two processes that ever write beside each other have the same.
    const unique = `${process.pid}-${randomBytes(4).toString('hex')}`;
    const partial = path.join(this.root, `.${folderOfStep(step)}.${unique}.partial`);
    try {
      await mkdir(this.root, { recursive: true });
      await this.#requireSpace(bytes);
      await mkdir(partial);
    } catch (error) {
      throw ioError(error, 'write the checkpoint', path.join(this.root, folderOfStep(step)));
    }
    return partial;
  }

  /** Gives a folder that all ranks have written its state and its name. */
  async #commit(
    step: number,
    partial: string,
    parts: readonly WrittenPart[],
    state: string,
    worldSize: number,
  ): Promise<void> {
    const folder = path.join(this.root, folderOfStep(step));
    const content: StateFile<unknown> = {
      version: CHECKPOINT_VERSION,
      worldSize,
      ...joinParts(parts),
      state: JSON.parse(state),
    };
    try {
      await writeFileAtomically(path.join(partial, STATE_FILE), async (file) => {
        await file.writeFile(`${JSON.stringify(content, undefined, 2)}\n`);
      });
      await syncFolder(partial);
      // A run resumed from an older checkpoint comes by the same step again.
      const replaced = partial.replace(/\.partial$/, '.replaced.partial');
      await rename(folder, replaced).catch(() => undefined);
      await rename(partial, folder);
      await rm(replaced, { recursive: true, force: true });
      await syncFolder(this.root);
    } catch (error) {
      throw ioError(error, 'write the checkpoint', folder);
    }
  }

  /** Makes `best` or `last` name a checkpoint. */
  async point(name: 'best' | 'last', folder: string): Promise<void> {
    await writeFileAtomically(path.join(this.root, name), async (file) => {
      await file.writeFile(`${path.basename(folder)}\n`);
    });
  }

  /** The folder that `best` or `last` names. */
  async pointed(name: 'best' | 'last'): Promise<string | undefined> {
    const text = await readFile(path.join(this.root, name), 'utf8').catch(() => undefined);
    if (text === undefined) return undefined;
    const folder = path.join(this.root, text.trim());
    return (await exists(path.join(folder, STATE_FILE))) ? folder : undefined;
  }

  /** The whole checkpoint of the highest step. */
  async newest(): Promise<string | undefined> {
    const names = await readdir(this.root).catch(() => [] as string[]);
    const steps = names
      .filter((name) => folderPattern.test(name))
      .sort()
      .reverse();
    for (const name of steps) {
      const folder = path.join(this.root, name);
      if (await exists(path.join(folder, STATE_FILE))) return folder;
    }
    return undefined;
  }

  /**
   * Removes all but the newest checkpoints, and what a kill left; never those that `best` and `last` name.
   *
   * @param good another checkpoint to keep
   */
  async prune(keep: number, good = ''): Promise<void> {
    const names = await readdir(this.root).catch(() => [] as string[]);
    const steps = names.filter((name) => folderPattern.test(name)).sort();
    const named = await Promise.all([this.pointed('best'), this.pointed('last')]);
    const spared = [...named, good].map((folder) => path.basename(folder ?? ''));
    const kept = new Set([...steps.slice(-keep), ...spared]);
    const leftovers = names.filter((name) => /^\.(step-|best\.|last\.).*\.partial$/.test(name));
    for (const name of [...steps.filter((step) => !kept.has(step)), ...leftovers]) {
      await rm(path.join(this.root, name), { recursive: true, force: true });
    }
  }

  async #requireSpace(tensorBytes: number): Promise<void> {
    const bytes = tensorBytes + (1 << 16);
    const { bavail, bsize } = await statfs(this.root);
    if (bavail * bsize < bytes) {
      throw new KappaError(
        'ERR_IO',
        `Could not write a checkpoint to ${this.root}: it needs ${Math.ceil(bytes / 1e6)} MB and ${Math.floor((bavail * bsize) / 1e6)} MB are free. Free some space and run again with --resume; the last checkpoint is untouched.`,
      );
    }
  }
}

function sum(numbers: readonly number[]): number {
  return numbers.reduce((total, n) => total + n, 0);
}

/**
 * Finds the checkpoint that a path means: a checkpoint's folder, `checkpoints/best` or `checkpoints/last`, a folder of
 * checkpoints or a run's folder (their best, for lack of one their last).
 *
 * @throws KappaError `ERR_CHECKPOINT`
 */
export async function resolveCheckpoint(target: string, prefer: 'best' | 'last' = 'best'): Promise<string> {
  const missing = (why: string): KappaError =>
    new KappaError(
      'ERR_CHECKPOINT',
      `${target} is no checkpoint: ${why}. Give the folder of a run, of a checkpoint (checkpoints/step-...), or checkpoints/best.`,
    );
  const info = await stat(target).catch(() => undefined);
  if (!info) throw missing('it does not exist');
  if (info.isFile()) {
    // Somebody's weights may have gigabytes.
    const head = await readHead(target);
    const name = head.toString('utf8', 0, 200).trim();
    const found = stranger(head);
    if (found !== undefined) throw missing(`it is ${found.is}. ${found.advice}`);
    if (!folderPattern.test(name)) throw missing('it is a file that names no checkpoint');
    return path.join(path.dirname(target), name);
  }
  if (await exists(path.join(target, STATE_FILE))) return target;
  for (const root of [target, path.join(target, 'checkpoints')]) {
    const folder = new CheckpointFolder(root);
    const other = prefer === 'best' ? 'last' : 'best';
    const found = (await folder.pointed(prefer)) ?? (await folder.newest()) ?? (await folder.pointed(other));
    if (found) return found;
  }
  throw missing(`it has no ${STATE_FILE} and no checkpoints`);
}
