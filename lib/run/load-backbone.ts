import { resolveSavedConfig } from '../config/saved';
import type { Precision } from '../native/contract';
import type { Backbone } from '../nn/backbone';
import { createBackbone } from '../nn/create-backbone';
import { cuda } from '../runtime/cuda';
import { precisionOfUse } from '../runtime/precision';
import { scope } from '../tensor/scope';
import { resolveCheckpoint } from './checkpoint';
import { openCheckpoint } from './checkpoint-reader';

/** How {@link loadBackbone} loads. */
export interface LoadBackboneOptions {
  /**
   * `cpu`, `cuda` or `cuda:N`.
   * @default where it was trained, or the CPU where that is not available
   */
  device?: string;
  /**
   * Arithmetic of the products: `float32`, `bfloat16`, `float16`.
   * @default that of the training where the device computes it fast, else `float32`
   */
  precision?: Precision;
}

/**
 * Loads a trained backbone, ready to embed (evaluation mode).
 *
 * @param target folder of a run, of its checkpoints or of one of them, or `checkpoints/best`; of several the best
 * @throws KappaError `ERR_CHECKPOINT`, `ERR_VERSION`, `ERR_DEVICE`
 * @example
 * const backbone = await loadBackbone('runs/base');
 * const { data } = await embedImages(backbone, [await readFile('face.jpg')]); // 112 x 112, aligned
 */
export async function loadBackbone(target: string, options: LoadBackboneOptions = {}): Promise<Backbone> {
  const checkpoint = await openCheckpoint<{ config: unknown }>(await resolveCheckpoint(target));
  const {
    backbone: section,
    data,
    runtime,
  } = resolveSavedConfig(checkpoint.state.config, `of ${checkpoint.folder}`);
  const device = options.device ?? ((await cuda.isAvailable()) ? runtime.device : 'cpu');
  const precision = options.precision ?? precisionOfUse(section.precision, device);
  const backbone = createBackbone({ ...section, precision }, { imageSize: data.imageSize, device });
  try {
    await scope(async () => backbone.loadStateDict(await checkpoint.tensors('backbone')));
  } catch (error) {
    backbone.dispose();
    throw error;
  }
  return backbone.eval();
}
