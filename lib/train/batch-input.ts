import type { Batch } from '../data/loader/data-loader';
import { Tensor } from '../tensor/tensor';

/** A batch where it is computed with. */
export interface BatchInput {
  images: Tensor;
  labels: Tensor;
  sampleIndex: Tensor;
}

/** Brings a batch to where it is computed with. */
export async function toDevice(batch: Batch, side: number, device: string): Promise<BatchInput> {
  // Labels first: the pixels are copied when the last of these calls has run, and the batch may be reused then.
  const labels = await Tensor.from(BigInt64Array.from(batch.labels, BigInt));
  const sampleIndex = await Tensor.from(BigInt64Array.from(batch.sampleIndex, BigInt));
  const size = { batch: batch.size, height: side, width: side };
  // Labels and indices stay on the CPU: that is where they are looked up and checked.
  const images = await Tensor.fromImages(batch.images, size, batch.flips, { device });
  return { images, labels, sampleIndex };
}

/** Labels on the CPU: that is where PartialFC draws the classes of a step. */
export function labelsOf({ labels }: Batch): Promise<Tensor> {
  return Tensor.from(BigInt64Array.from(labels, BigInt));
}
