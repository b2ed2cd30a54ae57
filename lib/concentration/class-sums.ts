import type { ClassRange } from '../distributed/class-range';
import { Tensor } from '../tensor/tensor';

/** Sums of unit embeddings a class, with how many they are of, for the classes of one rank. */
export class ClassSums {
  readonly classes: ClassRange;
  readonly numClasses: number;
  readonly sums: Tensor;
  readonly counts: Tensor;
  readonly #ready: Promise<unknown>;

  constructor(classes: ClassRange, numClasses: number, embeddingSize: number) {
    this.classes = classes;
    this.numClasses = numClasses;
    this.sums = Tensor.empty([classes.count, embeddingSize], { dtype: 'float64' }).keep();
    this.counts = Tensor.empty([classes.count], { dtype: 'int64' }).keep();
    this.#ready = this.clear();
    this.#ready.catch(() => undefined); // reported by ready()
  }

  async clear(): Promise<void> {
    await Promise.all([this.sums.fill(0), this.counts.fill(0)]);
  }

  async ready(): Promise<void> {
    await this.#ready;
  }

  dispose(): void {
    this.sums.dispose();
    this.counts.dispose();
  }
}
