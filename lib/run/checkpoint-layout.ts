import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';

import { ioError } from '../errors';
import type { NamedTensors } from '../nn/module';

/**
 * Version of the layout: 1 is that of a single process, with everything that a head has in `head.safetensors` and all
 * velocities in `optimizer.safetensors`; 2 has shards.
 */
export const CHECKPOINT_VERSION = 2;
export const STATE_FILE = 'state.json';

/** Tensors by the name of their file (without extension). */
export type TensorGroups = Readonly<Record<string, NamedTensors>>;

/** What one rank brings to a checkpoint. No name stands in two of the parts. What changes most comes first. */
export interface CheckpointTensors {
  /** The same on all ranks: each group is written by one of them. */
  shared?: TensorGroups;
  /** This rank's rows of tensors whose first dimension is spread over the ranks, in the order of the ranks. */
  sharded?: TensorGroups;
  /** Of this rank alone. */
  own?: TensorGroups;
}

export interface FileStamp {
  bytes: number;
  sha256: string;
}

/** Rows of each tensor of a group, by rank. */
export type ShardRows = Record<string, number[]>;

/** What `state.json` holds. */
export interface StateFile<S> {
  version: number;
  /** Ranks that wrote it; not in version 1. */
  worldSize: number;
  files: Record<string, FileStamp>;
  /** The groups that are spread over the ranks; not in version 1. */
  shards: Record<string, ShardRows>;
  state: S;
}

/** Name of a file that each rank has one of: `head-00001-of-00004.safetensors`; alone `head.safetensors`. */
export function fileOfRank(group: string, rank: number, worldSize: number): string {
  if (worldSize === 1) return fileOfAll(group);
  const digits = (n: number): string => String(n).padStart(5, '0');
  return `${group}-${digits(rank + 1)}-of-${digits(worldSize)}.safetensors`;
}

/** Name of a file that all ranks have in common. */
export function fileOfAll(group: string): string {
  return `${group}.safetensors`;
}

/** Length and checksum of a file. @throws KappaError `ERR_IO` */
export async function stamp(file: string): Promise<FileStamp> {
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
