import { Tensor } from '../tensor/tensor';

/** Sums of unit embeddings a class, with how many they are of. */
export class ClassSums {
  readonly sums: Tensor;
  readonly counts: Tensor;
  readonly #ready: Promise<unknown>;

  constructor(numClasses: number, embeddingSize: number) {
    this.sums = Tensor.empty([numClasses, embeddingSize], { dtype: 'float64' }).keep();
    this.counts = Tensor.empty([numClasses], { dtype: 'int64' }).keep();
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
