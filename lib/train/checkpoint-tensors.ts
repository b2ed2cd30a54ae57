import type { CheckpointTensors } from '../run/checkpoint-layout';
import type { LoadedCheckpoint, RowsOf } from '../run/checkpoint-reader';
import type { NamedTensors } from '../nn/module';
import type { Tensor } from '../tensor/tensor';
import type { Model } from './model';

type Names = (name: string) => boolean;

/** The head's tensors that all ranks have in common, and those with a row for each image; all others have one a class. */
const isSampler: Names = (name) => name === 'samplerStep';
const isEncoder: Names = (name) => name.startsWith('encoder.');
export const isOfImages: Names = (name) => name === 'memory.buffer' || name === 'memory.samples';
const isVelocity: Names = (name) => name.startsWith('velocity.');

/**
 * What a checkpoint holds of a model, by files; what changes most comes first. The velocities of the head's parameters
 * go with their rows.
 *
 * @param random states of the generators
 */
export function checkpointTensors(
  { backbone, head, optimizer }: Model,
  random: NamedTensors,
): CheckpointTensors {
  const velocities = [...optimizer.stateDict()];
  const ofBackbone = velocities.length - head.parameters().length; // they come first
  const headState = head.stateDict();
  const inFiles = (groups: Record<string, NamedTensors>): Record<string, NamedTensors> =>
    Object.fromEntries(Object.entries(groups).filter(([, tensors]) => tensors.size > 0));
  return {
    shared: inFiles({
      backbone: backbone.stateDict(),
      optimizer: new Map(velocities.slice(0, ofBackbone)),
      encoder: select(headState, isEncoder),
      sampler: select(headState, isSampler),
    }),
    own: inFiles({ random }),
    sharded: inFiles({
      head: new Map([
        ...select(headState, (name) => !isSampler(name) && !isEncoder(name) && !isOfImages(name)),
        ...velocities.slice(ofBackbone),
      ]),
      memory: select(headState, isOfImages),
    }),
  };
}

/** The states of a model's parts, as {@link checkpointTensors} spread them over files. */
export interface ModelState {
  backbone: NamedTensors;
  head: NamedTensors;
  optimizer: NamedTensors;
}

/**
 * Reads the states of a model's parts, of version 1 of the layout, too, which had other files.
 *
 * @param rowsOf rows of what is spread over the ranks
 */
export async function readModelState(
  checkpoint: LoadedCheckpoint<unknown>,
  { head, optimizer }: Model,
  rowsOf: RowsOf,
): Promise<ModelState> {
  const ofBackbone = optimizer.stateDict().size - head.parameters().length;
  const isInCommon: Names = (name) =>
    isSampler(name) || isEncoder(name) || (isVelocity(name) && Number(name.split('.')[1]) < ofBackbone);
  const rowsOfRank: RowsOf = (name, rows) =>
    isInCommon(name) ? { first: 0, count: rows } : rowsOf(name, rows);
  const backbone = await checkpoint.tensors('backbone');
  const others = new Map<string, Tensor>();
  for (const group of ['optimizer', 'head', 'memory', 'encoder', 'sampler'])
    if (checkpoint.has(group))
      for (const [name, tensor] of await checkpoint.shardedTensors(group, rowsOfRank))
        others.set(name, tensor);
  return {
    backbone,
    head: select(others, (name) => !isVelocity(name)),
    optimizer: select(others, isVelocity),
  };
}

function select(tensors: NamedTensors, chosen: Names): NamedTensors {
  return new Map([...tensors].filter(([name]) => chosen(name)));
}
