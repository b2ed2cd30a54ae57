import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { mkdir, open, readFile, readdir, rename, rm, stat, statfs } from 'node:fs/promises';
import path from 'node:path';

import { writeFileAtomically } from '../files/atomic-file';
import { readHead, stranger, TENSORS } from '../files/strangers';
import { KappaError, ioError } from '../errors';
import { readSafetensors, writeSafetensors } from '../io/safetensors';
import type { NamedTensors } from '../nn/module';
import { bytesOfDtype } from '../tensor/host';
import type { Tensor } from '../tensor/tensor';

/** Version of the layout below; a reader refuses others. */
const CHECKPOINT_VERSION = 1;
const STATE_FILE = 'state.json';
const folderPattern = /^step-(\d{8,})$/;

interface FileStamp {
  bytes: number;
  sha256: string;
}

interface StateFile<S> {
  version: number;
  files: Record<string, FileStamp>;
  state: S;
}

/** Tensors by the name of their file (without extension). */
export type CheckpointTensors = Readonly<Record<string, NamedTensors>>;

function folderOfStep(step: number): string {
  return `step-${String(step).padStart(8, '0')}`;
}

async function stamp(file: string): Promise<FileStamp> {
  const hash = createHash('sha256');
  let bytes = 0;
  try {
    for await (const chunk of createReadStream(file) as AsyncIterable<Buffer>) {
      hash.update(chunk);
      bytes += chunk.length;
    }
  } catch (error) {
    throw ioError(error, 'read', file);
  }
  return { bytes, sha256: hash.digest('hex') };
}

async function exists(file: string): Promise<boolean> {
  return (await stat(file).catch(() => undefined)) !== undefined;
}

async function syncFolder(folder: string): Promise<void> {
  // Not every system can open a folder; there the rename is as durable as it gets.
  const handle = await open(folder, 'r').catch(() => undefined);
  await handle?.sync().catch(() => undefined);
  await handle?.close();
}

/** The checkpoints of a run: `checkpoints/step-00000123/`, and `best` and `last`, text files that name one. */
export class CheckpointFolder {
  constructor(readonly root: string) {}

  /**
   * Writes a checkpoint aside, syncs it, renames it and points `last` (and `best`) at it. Whatever happens on the
   * way, the checkpoints from before stay usable.
   *
   * @param last false: one that is only kept, `last` goes on naming the one before
   * @returns the checkpoint's folder
   * @throws KappaError `ERR_IO`
   */
  async save(
    step: number,
    tensors: CheckpointTensors,
    state: unknown,
    best: boolean,
    last = true,
  ): Promise<string> {
    const folder = path.join(this.root, folderOfStep(step));
    const partial = path.join(this.root, `.${folderOfStep(step)}.${process.pid}.partial`);
    try {
      await mkdir(this.root, { recursive: true });
      await rm(partial, { recursive: true, force: true });
      await this.#requireSpace(tensors);
      await mkdir(partial);
      const files: Record<string, FileStamp> = {};
      for (const [name, group] of Object.entries(tensors)) {
        const file = path.join(partial, `${name}.safetensors`);
        await writeSafetensors(file, group);
        files[`${name}.safetensors`] = await stamp(file);
      }
      const content: StateFile<unknown> = { version: CHECKPOINT_VERSION, files, state };
      await writeFileAtomically(path.join(partial, STATE_FILE), async (file) => {
        await file.writeFile(`${JSON.stringify(content, undefined, 2)}\n`);
      });
      await syncFolder(partial);
      // A run resumed from an older checkpoint comes by the same step again.
      const replaced = path.join(this.root, `.${folderOfStep(step)}.${process.pid}.replaced.partial`);
      await rename(folder, replaced).catch(() => undefined);
      await rename(partial, folder);
      await rm(replaced, { recursive: true, force: true });
      await syncFolder(this.root);
      if (last) await this.point('last', folder);
      if (best) await this.point('best', folder);
    } catch (error) {
      await rm(partial, { recursive: true, force: true }).catch(() => undefined);
      throw ioError(error, 'write the checkpoint', folder);
    }
    return folder;
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
    const leftovers = names.filter((name) => name.startsWith('.step-') && name.endsWith('.partial'));
    for (const name of [...steps.filter((step) => !kept.has(step)), ...leftovers]) {
      await rm(path.join(this.root, name), { recursive: true, force: true });
    }
  }

  async #requireSpace(tensors: CheckpointTensors): Promise<void> {
    let bytes = 1 << 16;
    for (const group of Object.values(tensors)) {
      for (const tensor of group.values()) bytes += tensor.size * bytesOfDtype[tensor.dtype];
    }
    const { bavail, bsize } = await statfs(this.root);
    if (bavail * bsize < bytes) {
      throw new KappaError(
        'ERR_IO',
        `Could not write a checkpoint to ${this.root}: it needs ${Math.ceil(bytes / 1e6)} MB and ${Math.floor((bavail * bsize) / 1e6)} MB are free. Free some space and run again with --resume; the last checkpoint is untouched.`,
      );
    }
  }
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

/** A checkpoint as read from disk. */
export interface LoadedCheckpoint<S> {
  folder: string;
  state: S;
  /** Reads one of its files of tensors, checked against its checksum. */
  tensors(name: string): Promise<Map<string, Tensor>>;
}

/**
 * Opens a checkpoint.
 *
 * @param folder from `resolveCheckpoint`
 * @throws KappaError `ERR_CHECKPOINT` if a file is missing, damaged or of another version
 */
export async function openCheckpoint<S>(folder: string): Promise<LoadedCheckpoint<S>> {
  const damaged = (why: string): KappaError =>
    new KappaError(
      'ERR_CHECKPOINT',
      `The checkpoint ${folder} is damaged: ${why}. Name the folder of an older one beside it instead; training takes it after --resume.`,
    );
  const text = await readFile(path.join(folder, STATE_FILE), 'utf8').catch((error: unknown) => {
    throw damaged(`${STATE_FILE} cannot be read (${(error as Error).message})`);
  });
  let content: StateFile<S>;
  try {
    content = JSON.parse(text) as StateFile<S>;
  } catch {
    const found = stranger(Buffer.from(text));
    throw damaged(`${STATE_FILE} is ${found ? `${found.is}. ${found.advice}` : 'not JSON'}`);
  }
  if (content.version !== CHECKPOINT_VERSION) {
    throw new KappaError(
      'ERR_VERSION',
      `The checkpoint ${folder} has version ${String(content.version)}; this kappaface reads version ${CHECKPOINT_VERSION}.`,
    );
  }
  if (typeof content.files !== 'object' || content.files === null)
    throw damaged(`${STATE_FILE} lists no files`);
  return {
    folder,
    state: content.state,
    async tensors(name) {
      const file = `${name}.safetensors`;
      const expected = content.files[file];
      if (!expected) throw damaged(`it has no ${file}`);
      const found = await stamp(path.join(folder, file));
      if (found.bytes !== expected.bytes || found.sha256 !== expected.sha256) {
        const other = stranger(await readHead(path.join(folder, file)));
        if (other && other.is !== TENSORS) throw damaged(`${file} is ${other.is}. ${other.advice}`);
        throw damaged(`${file} does not match its checksum`);
      }
      return readSafetensors(path.join(folder, file));
    },
  };
}
