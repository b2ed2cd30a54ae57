import { subjectOf, type VideoPair, type YtfSplits } from '../../data/protocols/ytf';
import { KappaError } from '../../errors';
import { scope } from '../../tensor/scope';
import { Tensor } from '../../tensor/tensor';
import type { FeatureSink } from '../embedding/feature-sink';
import type { Fold } from '../metrics/folds';
import { verifyPairs, type PairVerification } from '../metrics/pair-verification';
import { PersonNumbers, squaredDistance, unitRows, type ScoredPairs } from '../metrics/scored-pairs';
import { VideoPooler, type VideoPooling } from '../metrics/video-pooling';
import type { VideoFrames } from './frames';

/** How two videos are compared: pooled to one embedding each, or frame by frame. */
export type VideoComparison = { pooling: VideoPooling } | { framePairs: 'min' | 'mean' | 'max' };

/** What {@link evaluateYtf} found. */
export interface YtfResult {
  readonly verification: PairVerification;
  readonly scored: ScoredPairs;
  /** The people that `scored` numbers. */
  readonly people: readonly string[];
  /** [P] the videos of each pair. */
  readonly names: readonly (readonly [string, string])[];
  readonly counts: {
    readonly videos: number;
    readonly frames: number;
    readonly pairs: number;
    readonly genuine: number;
    /** Frames without landmarks. */
    readonly droppedFrames: number;
    readonly missingVideos: number;
    /** Pairs of missing videos, left out. */
    readonly leftOutPairs: number;
  };
  readonly protocol: string;
}

/** The frames of the videos in a row, for embedding them one after the other. */
export function frameList({ frames }: VideoFrames) {
  const files = frames.flat();
  const videoOf = Int32Array.from(frames.flatMap((own, video) => own.map(() => video)));
  return { files, videoOf };
}

/**
 * Takes the embeddings of frames, in the order of {@link frameList}, and evaluates the pairs of videos by the rule of
 * YouTube Faces: each split is a fold; squared distance of embeddings at length 1, thresholds 0 to 3.99 by 0.01.
 */
export class YtfEvaluation implements FeatureSink {
  readonly done = 0;
  readonly #videoOf: Int32Array;
  readonly #names: readonly string[];
  readonly #pooler: VideoPooler | undefined;
  /** [frames, D] at length 1, where frames are compared. */
  readonly #units: Float32Array | undefined;

  constructor(
    private readonly splits: YtfSplits,
    private readonly frames: VideoFrames,
    private readonly comparison: VideoComparison,
    private readonly columns: number,
  ) {
    const { files, videoOf } = frameList(frames);
    this.#videoOf = videoOf;
    this.#names = files.map(({ name }) => name);
    if ('pooling' in comparison)
      this.#pooler = new VideoPooler(splits.videos.length, columns, comparison.pooling);
    else this.#units = new Float32Array(files.length * columns);
  }

  /** @throws KappaError `ERR_NOT_FINITE` naming the frame */
  write(from: number, plain: Float32Array, mirrored?: Float32Array): Promise<void> {
    const { columns } = this;
    const features = mirrored ? plain.map((value, i) => value + mirrored[i]!) : plain;
    const nameOf = (row: number): string => this.#names[from + row]!;
    this.#units?.set(unitRowsAs32(features, columns, nameOf), from * columns);
    if (this.#pooler)
      for (let row = 0; row * columns < features.length; row++)
        this.#pooler.add(
          this.#videoOf[from + row]!,
          features.subarray(row * columns, (row + 1) * columns),
          nameOf(row),
        );
    return Promise.resolve();
  }

  finish(): Promise<void> {
    return Promise.resolve();
  }

  /** What the pairs say. @throws KappaError `ERR_ARGUMENT` where too few pairs are left */
  async result(): Promise<YtfResult> {
    const { videos, pairs } = this.splits;
    const lost = new Set(this.frames.missing);
    const isLost = ({ first, second }: VideoPair): boolean =>
      lost.has(videos[first]!) || lost.has(videos[second]!);
    const kept: VideoPair[] = [];
    const folds: Fold[] = [];
    for (const { start, end } of this.splits.folds) {
      const own = pairs.slice(start, end).filter((pair) => !isLost(pair));
      if (own.length === 0)
        throw new KappaError(
          'ERR_ARGUMENT',
          `A split has no pair left: ${lost.size} of ${videos.length} videos are missing.`,
        );
      folds.push({ start: kept.length, end: kept.length + own.length });
      kept.push(...own);
    }
    const people = new PersonNumbers();
    const numberOf = (video: number): number => people.of(subjectOf(videos[video]!));
    const scored: ScoredPairs = {
      distances: await this.#distances(kept),
      isSame: Uint8Array.from(kept, ({ isSame }) => Number(isSame)),
      first: Int32Array.from(kept, ({ first }) => numberOf(first)),
      second: Int32Array.from(kept, ({ second }) => numberOf(second)),
    };
    const verification = verifyPairs(scored, folds);
    const counts = {
      videos: videos.length - lost.size,
      frames: this.#names.length,
      pairs: kept.length,
      genuine: verification.genuine,
      droppedFrames: this.frames.dropped,
      missingVideos: lost.size,
      leftOutPairs: pairs.length - kept.length,
    };
    const how =
      'pooling' in this.comparison
        ? `frames pooled by ${this.comparison.pooling}, L2`
        : `${this.comparison.framePairs} of the squared distances over all pairs of frames, each at length 1`;
    const protocol = `YouTube Faces: ${how}; squared distance < threshold, thresholds 0 to 3.99 by 0.01, the first best on the other folds; ${folds.length} folds, the splits of the list`;
    const names = kept.map(({ first, second }) => [videos[first]!, videos[second]!] as const);
    return { verification, scored, people: people.names, names, counts, protocol };
  }

  async #distances(pairs: readonly VideoPair[]): Promise<Float64Array> {
    const { columns, comparison } = this;
    if (this.#pooler) {
      const videos = this.#pooler.videos();
      return Float64Array.from(pairs, ({ first, second }) => squaredDistance(videos, columns, first, second));
    }
    const kind = (comparison as { framePairs: 'min' | 'mean' | 'max' }).framePairs;
    const starts = this.frames.frames.map(() => 0);
    for (let v = 1; v < starts.length; v++) starts[v] = starts[v - 1]! + this.frames.frames[v - 1]!.length;
    const rowsOf = (video: number): Promise<Tensor> => {
      const { length } = this.frames.frames[video]!;
      const from = starts[video]! * columns;
      return Promise.resolve(
        Tensor.from(this.#units!.subarray(from, from + length * columns), [length, columns]),
      );
    };
    const distances = new Float64Array(pairs.length);
    for (const [i, { first, second }] of pairs.entries())
      distances[i] = await scope(async () => {
        const [a, b] = [await rowsOf(first), await rowsOf(second)];
        const all = (await a.matmul(await b.transpose(0, 1))).mul(-2).add(2).clamp(0, 4);
        const pooled = kind === 'min' ? all.min() : kind === 'max' ? all.max() : all.mean();
        return pooled.item();
      });
    return distances;
  }
}

function unitRowsAs32(rows: Float32Array, columns: number, nameOf: (row: number) => string): Float32Array {
  return Float32Array.from(unitRows(rows, columns, nameOf));
}

/** Refuses missing videos, with their number. @throws KappaError `ERR_DATA_NOT_FOUND` */
export function mustHaveVideos({ missing }: VideoFrames, videos: readonly string[], place: string): void {
  if (missing.length === 0) return;
  throw new KappaError(
    'ERR_DATA_NOT_FOUND',
    `${missing.length} of ${videos.length} videos have no frame in ${place} that can be used; the first is ${missing[0]}. Expected SUBJECT/VIDEO/FRAME.jpg there, as in aligned_images_DB or frame_images_DB. To leave their pairs out: --skip-missing.`,
  );
}
