import type { ResolvedConfig } from '../config/schema';

const AUTO_SHARE = 0.25;

/** Bytes that the copies of a checkpoint which is written beside training may take, now. */
export function checkpointMemory({ checkpointMemory: option }: ResolvedConfig['train']): number {
  // What the machine, or this process's control group, has left.
  return option === 'auto' ? process.availableMemory() * AUTO_SHARE : option * 2 ** 20;
}
