import type { ResolvedConfig } from '../config/schema';
import { bytesOf } from '../io/safetensors';
import { setRandomState, getRandomState } from '../runtime/settings';
import { scope } from '../tensor/scope';
import { Tensor } from '../tensor/tensor';
import type { Workshop } from './workshop';

/** What training will need, in bytes. */
export interface MemoryNeed {
  /** The backbone's weights and running statistics (kept twice, so that a step can be taken back). */
  parameters: number;
  /** Of the backbone, and of the class centres where the head does not update them itself. */
  gradients: number;
  optimizer: number;
  /** Class centres, margins and what the head knows of concentration. */
  head: number;
  /** What the forward pass of a batch keeps for the backward pass. */
  activations: number;
  /** Decoded batches in shared memory. */
  batches: number;
  /** What the process has now: programs, libraries, verification sets, the tensors that are there already. */
  process: number;
  /** The most of all this at one time. */
  peak: number;
  /** What the machine, or this process's control group, has left. Of the machine's own memory, whatever the device. */
  available: number;
}

// Two images: batch normalisation needs them.
const TRIED_IMAGES = 2;

/** Estimates the memory that training needs: tensors by their sizes, activations by a forward pass of two images. */
export async function estimateMemory(
  { model, loader }: Workshop,
  config: ResolvedConfig,
): Promise<MemoryNeed> {
  const { backbone, head, optimizer } = model;
  const state = backbone.stateDict();
  const buffers = bytesOf(state) - bytesOf(backbone.namedParameters());
  const centres = head.fusedUpdate ? 0 : bytesOf(new Map([['centres', head.centres]]));
  const need = {
    parameters: bytesOf(state) + buffers,
    gradients: bytesOf(backbone.namedParameters()) + centres,
    optimizer: bytesOf(optimizer.stateDict()),
    head: bytesOf(head.stateDict()),
    activations: await activationBytes(model, config.train.batchSize),
    batches: loader.maxBatchBytes,
    process: process.memoryUsage.rss(),
  };
  // Weights, velocities and the head are there already.
  const toCome = buffers + need.gradients + need.activations + need.batches;
  return { ...need, peak: need.process + toCome, available: process.availableMemory() };
}

async function activationBytes({ backbone }: Workshop['model'], batchSize: number): Promise<number> {
  const { imageSize, device } = backbone.options;
  const random = await getRandomState();
  try {
    return await scope(async () => {
      await backbone.keepBuffers();
      const images = await Tensor.zeros([TRIED_IMAGES, 3, imageSize, imageSize]).to({ device });
      const { outputs } = await backbone.traced(() => backbone.forward(images));
      await backbone.restoreBuffers();
      const kept = outputs.reduce((sum, { bytes }) => sum + bytes, 0);
      const input = 3 * imageSize * imageSize * 4;
      return Math.round((kept / TRIED_IMAGES + input) * batchSize);
    });
  } finally {
    await setRandomState(random);
    random.dispose();
  }
}
