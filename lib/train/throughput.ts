/** Steps that the speed is a mean over. */
const WINDOW = 20;

/** How many images a second go through training, over the last steps. */
export class Throughput {
  #recent: { images: number; at: number }[] = [];

  constructor() {
    this.restart();
  }

  /** What happened up to now does not count: something else was done meanwhile. */
  restart(): void {
    this.#recent = [{ images: 0, at: performance.now() }];
  }

  /** A step was made. */
  add(images: number): void {
    this.#recent.push({ images, at: performance.now() });
    if (this.#recent.length > WINDOW) this.#recent.shift();
  }

  get imagesPerSecond(): number {
    const seconds = ((this.#recent.at(-1)?.at ?? 0) - (this.#recent[0]?.at ?? 0)) / 1000;
    const images = this.#recent.slice(1).reduce((sum, step) => sum + step.images, 0);
    return seconds > 0 ? images / seconds : 0;
  }
}
