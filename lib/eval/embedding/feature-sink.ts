/** Where features go, row by row. */
export interface FeatureSink {
  /** Rows that are there already: embedding goes on behind them. */
  readonly done: number;
  /**
   * Takes rows; called in order, one call after the other.
   *
   * @param from the first row's number
   * @param plain [rows, D] features of the faces, not normalised
   * @param mirrored [rows, D] of their mirror images, where these are embedded
   */
  write(from: number, plain: Float32Array, mirrored: Float32Array | undefined): Promise<void>;
  /** Called when all rows were written. */
  finish(): Promise<void>;
  /** Called where they were not, to keep what there is. */
  abandon?(): Promise<void>;
}

/** Keeps features in memory that can be handed to LibTorch as it is. */
export class FeatureMemory implements FeatureSink {
  readonly done = 0;
  /** [N, D] */
  readonly plain: Float32Array<SharedArrayBuffer>;
  /** [N, D] */
  readonly mirrored: Float32Array<SharedArrayBuffer> | undefined;

  constructor(
    rows: number,
    private readonly columns: number,
    mirrors: boolean,
  ) {
    const room = () => new Float32Array(new SharedArrayBuffer(4 * rows * columns));
    this.plain = room();
    this.mirrored = mirrors ? room() : undefined;
  }

  write(from: number, plain: Float32Array, mirrored: Float32Array | undefined): Promise<void> {
    this.plain.set(plain, from * this.columns);
    if (mirrored) this.mirrored?.set(mirrored, from * this.columns);
    return Promise.resolve();
  }

  finish(): Promise<void> {
    return Promise.resolve();
  }
}
