/** Shared memory for one batch: images, labels and sample indices, filled by decode workers. */
export class BatchSlot {
  readonly memory: SharedArrayBuffer;
  /** uint8 RGB, NHWC, for the whole capacity. */
  readonly images: Uint8Array;
  readonly labels: Int32Array;
  /** Written by the main thread; a worker that replaces a damaged sample writes the other's index. */
  readonly sampleIndex: Int32Array;

  /** Bytes of a slot: pixels, and 8 for the label and index of each image. */
  static bytes(capacity: number, imageBytes: number): number {
    return Math.ceil((capacity * imageBytes) / 8) * 8 + 8 * capacity;
  }

  /**
   * @param capacity images of a whole batch
   * @param imageBytes bytes of one decoded image
   * @param memory that of a slot made in another thread
   */
  constructor(capacity: number, imageBytes: number, memory?: SharedArrayBuffer) {
    this.memory = memory ?? new SharedArrayBuffer(BatchSlot.bytes(capacity, imageBytes));
    const pixels = this.memory.byteLength - 8 * capacity;
    this.images = new Uint8Array(this.memory, 0, capacity * imageBytes);
    this.labels = new Int32Array(this.memory, pixels, capacity);
    this.sampleIndex = new Int32Array(this.memory, pixels + 4 * capacity, capacity);
  }
}
