import path from 'node:path';

import { KappaError } from '../errors';
import { bytesOf, snapshotTensors, writeSafetensors, writeSafetensorsAside } from '../io/safetensors';
import type { NamedTensors } from '../nn/module';
import { fileOfAll, fileOfRank, stamp } from './checkpoint-layout';
import type { CheckpointTensors, FileStamp, ShardRows, TensorGroups } from './checkpoint-layout';
import type { Peers } from './peers';

/** A file that this rank writes. */
interface PlannedFile {
  name: string;
  tensors: NamedTensors;
  bytes: number;
}

/** What a rank has written. */
export interface WrittenPart {
  files: Record<string, FileStamp>;
  /** Rows of its tensors, by group. */
  rows: Record<string, Record<string, number>>;
}

/** The files that this rank writes: groups in common are dealt to the ranks by their bytes, all deal alike. */
function planFiles({ shared = {}, sharded = {}, own = {} }: CheckpointTensors, peers: Peers): PlannedFile[] {
  const { rank, worldSize } = peers;
  const file = (name: string, tensors: NamedTensors): PlannedFile => ({
    name,
    tensors,
    bytes: bytesOf(tensors),
  });
  const inCommon = Object.entries(shared).map(([group, tensors]) => file(fileOfAll(group), tensors));
  const load = new Array<number>(worldSize).fill(0);
  const mine = new Set<PlannedFile>();
  for (const planned of [...inCommon].sort((a, b) => b.bytes - a.bytes)) {
    const writer = load.indexOf(Math.min(...load));
    load[writer] = (load[writer] ?? 0) + planned.bytes;
    if (writer === rank) mine.add(planned);
  }
  const ofRank = (groups: TensorGroups): PlannedFile[] =>
    Object.entries(groups).map(([group, tensors]) => file(fileOfRank(group, rank, worldSize), tensors));
  return [...inCommon.filter((planned) => mine.has(planned)), ...ofRank(own), ...ofRank(sharded)];
}

/**
 * What one rank writes of a checkpoint: as much as fits into the memory given is copied when this is made, and written
 * aside later; the rest is written from the tensors themselves.
 */
export class CheckpointPart {
  readonly bytes: number;
  /** Bytes for which there was no memory: training has to wait until they are written. */
  readonly uncopiedBytes: number;
  readonly #uncopied: PlannedFile[];
  readonly #copies: Promise<PlannedFile>[];
  readonly #rows: WrittenPart['rows'];

  /** @param memory bytes that copies may take */
  constructor(tensors: CheckpointTensors, peers: Peers, memory: number) {
    const names = Object.values(tensors).flatMap((groups: TensorGroups) => Object.keys(groups));
    const twice = names.find((name, i) => names.indexOf(name) !== i);
    if (twice !== undefined)
      throw new KappaError('ERR_ARGUMENT', `Two groups of a checkpoint have the name ${twice}.`);
    const groups = Object.entries(tensors.sharded ?? {});
    this.#rows = Object.fromEntries(groups.map(([group, list]) => [group, rowsOf(list)]));
    const files = planFiles(tensors, peers);
    let left = memory;
    const fits = new Set(
      files.filter(({ bytes }) => {
        if (bytes > left) return false;
        left -= bytes;
        return true;
      }),
    );
    this.#uncopied = files.filter((file) => !fits.has(file));
    const total = (list: readonly PlannedFile[]): number => list.reduce((sum, { bytes }) => sum + bytes, 0);
    this.bytes = total(files);
    this.uncopiedBytes = total(this.#uncopied);
    // All are asked for now: they are of one moment.
    this.#copies = [...fits].map(async (file) => ({ ...file, tensors: await snapshotTensors(file.tensors) }));
    for (const copy of this.#copies) copy.catch(() => undefined); // reported by copied()
  }

  /** Waits until everything that fits is copied. */
  async copied(): Promise<void> {
    await Promise.all(this.#copies);
  }

  /**
   * Writes the files into a folder.
   *
   * @param onFree called when the tensors may change again
   */
  async write(folder: string, onFree: () => void): Promise<WrittenPart> {
    const files: WrittenPart['files'] = {};
    for (const { name, tensors } of this.#uncopied) await writeSafetensors(path.join(folder, name), tensors);
    onFree();
    for (const copy of this.#copies) {
      const { name, tensors } = await copy;
      await writeSafetensorsAside(path.join(folder, name), tensors);
      disposeAll(tensors);
      files[name] = await stamp(path.join(folder, name));
    }
    for (const { name } of this.#uncopied) files[name] = await stamp(path.join(folder, name));
    return { files, rows: this.#rows };
  }

  /** Frees the copies that are left. */
  async dispose(): Promise<void> {
    for (const copy of await Promise.allSettled(this.#copies))
      if (copy.status === 'fulfilled') disposeAll(copy.value.tensors);
  }
}

/** @throws KappaError `ERR_SHAPE` */
function rowsOf(tensors: NamedTensors): Record<string, number> {
  const rows: Record<string, number> = {};
  for (const [name, { shape }] of tensors) {
    const [count] = shape;
    if (count === undefined)
      throw new KappaError('ERR_SHAPE', `${name} is a scalar: only rows are spread over ranks.`);
    rows[name] = count;
  }
  return rows;
}

function disposeAll(tensors: NamedTensors): void {
  for (const tensor of tensors.values()) tensor.dispose();
}

/** What all ranks have written, as `state.json` tells of it. */
export function joinParts(parts: readonly WrittenPart[]): {
  files: Record<string, FileStamp>;
  shards: Record<string, ShardRows>;
} {
  const shards: Record<string, ShardRows> = {};
  for (const { rows } of parts)
    for (const [group, tensors] of Object.entries(rows))
      for (const [name, count] of Object.entries(tensors)) ((shards[group] ??= {})[name] ??= []).push(count);
  return {
    files: Object.assign({}, ...parts.map(({ files }) => files)) as Record<string, FileStamp>,
    shards,
  };
}
