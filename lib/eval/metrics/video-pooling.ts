import { KappaError } from '../../errors';

/** How the embeddings of frames become one of their video. */
export type VideoPooling = 'meanOfNormalised' | 'meanRaw' | 'normWeighted';

/**
 * Pools frames to videos as they come, in float64: only the videos are in memory.
 *
 * - `meanOfNormalised`: the mean of the embeddings at length 1;
 * - `meanRaw`: the mean of the embeddings as they are;
 * - `normWeighted`: the mean of the embeddings at length 1, each weighted by its length, over the sum of the lengths. It
 *   has the direction of `meanRaw`.
 *
 * Each video is brought to length 1.
 */
export class VideoPooler {
  readonly #sums: Float64Array;
  readonly #weights: Float64Array;

  constructor(
    videos: number,
    private readonly columns: number,
    private readonly pooling: VideoPooling,
  ) {
    this.#sums = new Float64Array(videos * columns);
    this.#weights = new Float64Array(videos);
  }

  /**
   * Adds a frame.
   *
   * @param name names it in errors
   * @throws KappaError `ERR_NOT_FINITE`
   */
  add(video: number, embedding: ArrayLike<number>, name: string): void {
    const norm = lengthOf(embedding, name);
    const unit = norm === 0 ? 0 : 1 / norm;
    const scale = this.pooling === 'meanOfNormalised' ? unit : this.pooling === 'meanRaw' ? 1 : unit * norm;
    const first = video * this.columns;
    for (let i = 0; i < this.columns; i++) this.#sums[first + i]! += scale * embedding[i]!;
    this.#weights[video]! += this.pooling === 'normWeighted' ? norm : 1;
  }

  /** [V, D] of length 1; a video without frames, or whose frames add up to nothing, is 0. */
  videos(): Float64Array {
    const result = new Float64Array(this.#sums.length);
    for (const [video, weight] of this.#weights.entries()) {
      if (weight === 0) continue;
      const own = this.#sums.subarray(video * this.columns, (video + 1) * this.columns);
      const mean = own.map((value) => value / weight);
      const length = lengthOf(mean, 'a video');
      if (length > 0)
        result.set(
          mean.map((value) => value / length),
          video * this.columns,
        );
    }
    return result;
  }
}

function lengthOf(embedding: ArrayLike<number>, name: string): number {
  let sum = 0;
  for (let i = 0; i < embedding.length; i++) sum += embedding[i]! ** 2;
  if (!Number.isFinite(sum))
    throw new KappaError(
      'ERR_NOT_FINITE',
      `The embedding of ${name} is not finite: it holds NaN, infinity or values too large to square. The model has diverged, or the file is damaged.`,
    );
  return Math.sqrt(sum);
}
