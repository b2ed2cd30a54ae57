import { KappaError } from '../../errors';
import { Augmenter } from '../augment/augmenter';
import type { BatchSlot } from './batch-slot';
import { decodeInto, type DecodeOptions } from '../../image/decode';
import type { DecodeWorkerData, SkippedSample } from './decode-task';
import { SampleReader } from '../sample-reader';
import { describeSample, type SampleTable } from '../sample-table';

// So many damaged records in a row are not a blemish but a destroyed file.
const MAX_REPLACEMENTS = 64;

export interface SampleDecoderHooks {
  /** Called before a sample is touched. */
  onSample: (index: number) => void;
  /** Called for each damaged sample that was replaced. */
  onSkip: (skipped: SkippedSample) => void;
}

/** Reads, decodes and augments samples into batches; each thread has its own. */
export class SampleDecoder {
  readonly #table: SampleTable;
  readonly #skipCorrupt: boolean;
  readonly #decodeOptions: DecodeOptions;
  readonly #imageBytes: number;
  readonly #augmenter: Augmenter | undefined;
  readonly #reader: SampleReader;
  readonly #hooks: SampleDecoderHooks;

  /** @throws KappaError ERR_IO, ERR_DATA_CORRUPT when the file changed */
  constructor(
    {
      table,
      resize,
      skipCorrupt,
      augment,
      seed,
    }: Pick<DecodeWorkerData, 'table' | 'resize' | 'skipCorrupt' | 'augment' | 'seed'>,
    hooks: SampleDecoderHooks,
  ) {
    this.#table = table;
    this.#skipCorrupt = skipCorrupt;
    this.#decodeOptions = { size: table.imageSize, resize };
    this.#imageBytes = table.imageSize[0] * table.imageSize[1] * 3;
    this.#augmenter = augment && new Augmenter(augment, seed, table.imageSize);
    this.#hooks = hooks;
    this.#reader = SampleReader.open(table);
  }

  /**
   * Fills an element of a batch with the sample that its index asks for, or, where that one is damaged and skipping is
   * allowed, with the next good one. Nothing is returned where it is done at once; most images are.
   * @param fatal samples that count as damaged without a look
   * @throws KappaError ERR_DATA_CORRUPT, ERR_IO
   */
  decode(
    slot: BatchSlot,
    element: number,
    epoch: number,
    fatal?: readonly number[],
  ): Promise<void> | undefined {
    const wanted = slot.sampleIndex[element]!;
    const attempt = (index: number) => this.#attempt(slot, element, index, epoch, fatal);
    try {
      return attempt(wanted)?.catch((error: unknown) => this.#replace(wanted, attempt, error));
    } catch (error) {
      return this.#replace(wanted, attempt, error);
    }
  }

  close(): void {
    this.#reader.close();
  }

  #attempt(
    slot: BatchSlot,
    element: number,
    index: number,
    epoch: number,
    fatal?: readonly number[],
  ): Promise<void> | undefined {
    if (fatal?.includes(index))
      throw new KappaError(
        'ERR_DATA_CORRUPT',
        `${this.#describe(index)}: decode workers ended twice while they worked on it.`,
      );
    this.#hooks.onSample(index);
    const { label, image } = this.#reader.readView(index);
    const out = Buffer.from(slot.memory, element * this.#imageBytes, this.#imageBytes);
    slot.labels[element] = label;
    slot.sampleIndex[element] = index;
    const waiting = decodeInto(image, out, this.#decodeOptions, () => this.#describe(index));
    if (waiting) return waiting.then(() => void this.#augmenter?.apply(out, epoch, index));
    this.#augmenter?.apply(out, epoch, index);
    return undefined;
  }

  async #replace(
    wanted: number,
    attempt: (index: number) => Promise<void> | undefined,
    first: unknown,
  ): Promise<void> {
    const { length } = this.#table.labels;
    let failure = first;
    for (let step = 1; step <= Math.min(MAX_REPLACEMENTS, length - 1); step++) {
      const mayReplace =
        this.#skipCorrupt && failure instanceof KappaError && failure.code === 'ERR_DATA_CORRUPT';
      if (!mayReplace) throw failure;
      const next = (wanted + step) % length;
      try {
        await attempt(next);
        this.#hooks.onSkip({
          sampleIndex: wanted,
          replacedBy: next,
          message: (first as KappaError).message,
        });
        return;
      } catch (error) {
        failure = error;
      }
    }
    throw failure;
  }

  #describe(index: number): string {
    return describeSample(this.#table, index);
  }
}
