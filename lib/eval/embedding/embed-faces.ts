import { setImmediate as yieldToEvents } from 'node:timers/promises';

import type { RankGroup } from '../../distributed/rank-group';
import { KappaError } from '../../errors';
import type { Backbone } from '../../nn/backbone';
import { decodeBatches } from './decode-batches';
import { embedPixels } from './embed-pixels';
import { exchange } from './exchange';
import type { FaceInputs } from './face-inputs';
import type { FeatureSink } from './feature-sink';
import { fingerprintWords } from './fingerprint';

export const DEFAULT_BATCH_SIZE = 64;
/** A float32 holds whole numbers up to 2^24; the number of rows is sent in two parts. */
const ROWS_PER_PART = 1 << 20;

/** How faces are embedded. */
export interface EmbeddingRun {
  /** Images in one forward pass. @default 64 */
  batchSize?: number;
  /** Threads that decode images ahead; 0 decodes in this one. @default one for each processor, at most 8; none for few */
  workers?: number;
  /** Told now and then how much of how much is done. */
  onProgress?: (done: number, total: number) => void;
  signal?: AbortSignal;
  /**
   * The ranks that share the work: each gives the same faces and the same weights, embeds every worldSize-th batch, and
   * gets what one rank would have computed. @default this process does it alone
   */
  group?: RankGroup;
}

export interface EmbedFacesOptions extends EmbeddingRun {
  /** Embeds the mirror images, too. @default true */
  mirrors?: boolean;
  /**
   * Of model, faces and options: all ranks are held to the same one, and begin where rank 0's features end. Without it
   * all begin with the first face, and keep features where nothing can fail.
   */
  fingerprint?: string;
}

/**
 * Embeds faces and their mirror images in evaluation mode: a batch is decoded while the one before is embedded, and
 * another is written. Batches are the same whatever the number of ranks, and so is every bit of the features.
 *
 * @param open opens where features go, on each rank that keeps some; rank 0's tells how many are there already
 * @throws KappaError of an image that cannot be had, `ERR_CANCELLED`, also where another rank was cancelled, `ERR_PEER`
 *   where another rank failed, `ERR_CONFIG` where another has other faces, weights or options
 */
export async function embedFaces(
  backbone: Backbone,
  inputs: FaceInputs,
  open: (() => Promise<FeatureSink>) | undefined,
  options: EmbedFacesOptions = {},
): Promise<void> {
  const { batchSize = DEFAULT_BATCH_SIZE, mirrors = true, workers, group, signal, onProgress } = options;
  const { name, length } = inputs;
  // What only keeps in memory has nothing to agree on before and after.
  const agreeing = options.fingerprint === undefined ? undefined : group;
  const { embeddingSize: columns, imageSize: size } = backbone.options;
  const { rank, worldSize } = group ?? { rank: 0, worldSize: 1 };
  const wasTraining = backbone.training;
  let sink: FeatureSink | undefined;
  let batches: AsyncGenerator<Uint8Array, void, undefined> | undefined;
  let finished = false;
  backbone.eval();
  try {
    const started = await exchange(
      async () => {
        sink = await open?.();
        const done = sink?.done ?? 0;
        const parts = [Math.floor(done / ROWS_PER_PART), done % ROWS_PER_PART];
        return Float32Array.from([...parts, ...fingerprintWords(options.fingerprint)]);
      },
      agreeing,
      { size: 2 + fingerprintWords(undefined).length, name },
    );
    mustBeAlike(started, name);
    const [high = 0, low = 0] = started[0]!;
    const first = high * ROWS_PER_PART + low;
    const rounds = Math.ceil((length - first) / (worldSize * batchSize));
    const starts = Array.from({ length: rounds }, (_, i) => first + (i * worldSize + rank) * batchSize);
    const own = starts.filter((start) => start < length);
    batches = decodeBatches(inputs, { size, batchSize, starts: own, workers, signal });
    let decoded = batches.next();
    decoded.catch(() => undefined); // told when it is waited for
    let writing: Promise<void> = Promise.resolve();
    const row = columns * (mirrors ? 2 : 1);
    for (let from = first; from < length; from += worldSize * batchSize) {
      const embed = async (): Promise<Float32Array> => {
        if (signal?.aborted) throw cancelled(name);
        let embedded: Float32Array = new Float32Array(0);
        // In the last round not every rank has images left.
        if (from + rank * batchSize < length) {
          const pixels = (await decoded).value!;
          decoded = batches!.next();
          decoded.catch(() => undefined);
          const plain = await embedPixels(backbone, pixels);
          embedded = new Float32Array(plain.length * (mirrors ? 2 : 1));
          embedded.set(plain);
          if (mirrors) embedded.set(await embedPixels(backbone, pixels, { mirrored: true }), plain.length);
        }
        // A write that failed is told together with the next batch.
        await writing;
        return embedded;
      };
      const round = await exchange(embed, group, { size: batchSize * row, name });
      writing = writeRound(sink, round, { from, length, batchSize, columns, mirrors });
      writing.catch(() => undefined);
      onProgress?.(Math.min(from + worldSize * batchSize, length), length);
      await yieldToEvents();
    }
    const end = async (): Promise<Float32Array> => {
      await writing;
      await sink?.finish();
      finished = true;
      return new Float32Array(0);
    };
    await exchange(end, agreeing, { size: 0, name });
  } catch (error) {
    // Whoever decodes is cancelled by the same signal, and says so in other words.
    const isOurs = error instanceof KappaError && error.code === 'ERR_CANCELLED' && signal?.aborted;
    throw isOurs ? cancelled(name) : error;
  } finally {
    backbone.train(wasTraining);
    await batches?.return();
    if (!finished) await sink?.abandon?.();
  }
}

function cancelled(name: string): KappaError {
  return new KappaError('ERR_CANCELLED', `Embedding ${name} was cancelled.`);
}

interface Round {
  from: number;
  length: number;
  batchSize: number;
  columns: number;
  mirrors: boolean;
}

async function writeRound(
  sink: FeatureSink | undefined,
  round: readonly Float32Array[],
  { from, length, batchSize, columns, mirrors }: Round,
): Promise<void> {
  for (const [r, embedded] of round.entries()) {
    const start = from + r * batchSize;
    const numbers = Math.min(batchSize, length - start) * columns;
    if (numbers <= 0) break;
    const mirrored = mirrors ? embedded.subarray(numbers, 2 * numbers) : undefined;
    await sink?.write(start, embedded.subarray(0, numbers), mirrored);
  }
}

/** All ranks have the same model, faces and options. */
function mustBeAlike(started: readonly Float32Array[], name: string): void {
  const print = (message: Float32Array): string => message.subarray(2).join(' ');
  const other = started.findIndex((message) => print(message) !== print(started[0]!));
  if (other === -1) return;
  throw new KappaError(
    'ERR_CONFIG',
    `Rank ${other} embeds ${name} with other weights or options than rank 0, or has other images. All ranks need the same checkpoint, the same list and the same flags.`,
  );
}
