import { KappaError, argumentError } from '../errors';
import { resolveOptions } from '../options/check';
import { oneClass } from './lists/notes';
import { countLabels } from './layout/check-labels';
import { combineSources, type CombinedSources } from './sources/combine';
import type { FaceLayout } from './layout/face-layout';
import type { DatasetSettings } from './option-types';
import { datasetOptions } from './options';
import type { ScanOptions } from './recordio/scan';
import type { FaceSource } from './sources/option-types';
import { sourceSection } from './sources/options';
import type { OpenedSource } from './sources/source';
import { openSource } from './sources/open';
import { SampleReader, type Sample } from './sample-reader';
import { endOfSource, pathAt, sourceOf, type SampleTable } from './sample-table';

/** What {@link FaceDataset.open} takes of a set. */
export interface FaceDatasetOptions extends DatasetSettings, ScanOptions {
  /** Of a source that does not say itself: which classes to keep, see {@link FaceSource.identities}. */
  identities?: FaceSource['identities'];
  /** Of a source that does not say itself: keep at most so many images of each class. */
  imagesPerIdentity?: number;
  /** Told what was wrong but could be helped. */
  onMessage?: (text: string) => void;
  /** @internal where float32 stops being exact; smaller in tests only. */
  exactLimit?: number;
}

/** What a dataset is made of. */
export interface DatasetSource {
  /** Its folder or file. */
  name: string;
  layout: FaceLayout;
  /** How many times an epoch draws each of its images, on average. */
  weight: number;
  /** Its samples are [start, end). */
  start: number;
  end: number;
}

/** A face dataset: images in RecordIO files, folders or lists, each with the class of its identity. */
export class FaceDataset {
  /** The folder or file of the first source. */
  readonly root: string;
  readonly sources: readonly DatasetSource[];
  /** Number of images of each class, whatever the weights. */
  readonly samplesPerClass: Uint32Array;
  /** The identity's name of each class, null where its source has none; undefined where no source has names. */
  readonly classNames: readonly (string | null)[] | undefined;
  /** Where the samples are; can be posted to worker threads without being copied. */
  readonly table: SampleTable;
  readonly #reader: SampleReader;

  private constructor(opened: readonly OpenedSource[], { table, classNames }: CombinedSources) {
    this.root = opened[0]!.name;
    this.classNames = classNames;
    this.table = table;
    this.sources = opened.map(({ name, layout }, s) => {
      const { weight, start } = table.sources[s]!;
      return { name, layout, weight, start, end: endOfSource(table, s) };
    });
    this.samplesPerClass = countLabels(table.labels, table.numClasses);
    this.#reader = SampleReader.open(table);
  }

  /**
   * Opens a dataset. No image is decoded: images per class come from the identity records (face2rec2 layout), from one
   * scan of the headers, remembered in a file beside `train.rec` (im2rec layout), or from the names of folders.
   *
   * @param sources a folder or file, or the sources to mix, see {@link FaceSource}
   * @example
   * await FaceDataset.open('/data/ms1mv3');
   * await FaceDataset.open([{ root: '/data/ms1mv3' }, { root: '/data/own', weight: 2 }]);
   * @throws KappaError ERR_DATA_NOT_FOUND, ERR_DATA_CORRUPT, ERR_LABEL_RANGE, ERR_CONFIG, ERR_ARGUMENT, ERR_IO,
   *   ERR_CANCELLED
   */
  static async open(
    sources: string | FaceSource | readonly FaceSource[],
    options: FaceDatasetOptions = {},
  ): Promise<FaceDataset> {
    const { identities, imagesPerIdentity, exactLimit, onMessage, onProgress, signal, ...settings } = options;
    const resolved = resolveOptions(datasetOptions(), settings);
    const { numClasses } = resolved;
    const opening = { ...resolved, exactLimit, onMessage, onProgress, signal };
    const given = typeof sources === 'string' ? [{ root: sources }] : [sources].flat();
    if (given.length === 0) throw argumentError('sources', 'at least one source', given);
    const wanted = given.map((source) =>
      resolveOptions(sourceSection(), {
        ...(given.length === 1 && { numClasses }),
        identities,
        imagesPerIdentity,
        ...withoutUndefined(source),
      }),
    );
    const opened: OpenedSource[] = [];
    for (const source of wanted) opened.push(await openSource(source, opening));
    const combined = await combineSources(opened, wanted, opening);
    const found = combined.table.numClasses;
    if (given.length > 1 && numClasses !== undefined && found !== numClasses)
      throw new KappaError(
        'ERR_CONFIG',
        `${numClasses} classes were expected, but the ${given.length} sources have ${found} together.`,
      );
    if (found === 1) onMessage?.(oneClass(opened[0]!.name, filesOf(combined.table)));
    return new FaceDataset(opened, combined);
  }

  /** Number of images. */
  get length(): number {
    return this.table.labels.length;
  }

  get numClasses(): number {
    return this.table.numClasses;
  }

  /** The layout of its only source, or `mixed`. */
  get layout(): FaceLayout {
    const layouts = new Set(this.sources.map(({ layout }) => layout));
    return layouts.size === 1 ? this.sources[0]!.layout : 'mixed';
  }

  /** Height and width of the images in pixels. */
  get imageSize(): [number, number] {
    return this.table.imageSize;
  }

  /** The class of each sample, in the order of the samples. Not to be changed. */
  get labels(): Int32Array {
    return this.table.labels;
  }

  /**
   * Reads a sample. @param index 0 to length - 1: the position among the images of all sources, those of a record file
   * in ascending key order.
   * @throws KappaError ERR_ARGUMENT, ERR_DATA_CORRUPT, ERR_IO
   */
  read(index: number): Sample {
    const { label, image } = this.#reader.readView(index);
    return { label, image: Buffer.from(image) };
  }

  /**
   * Eyes, nose and corners of the mouth of a sample, in pixels of its own image, as its list gives them.
   * @returns five points [x, y], or undefined where there are none
   */
  points(index: number): [number, number][] | undefined {
    const { sources, keys } = this.table;
    const { store } = sources[sourceOf(this.table, index)]!;
    const key = keys[index];
    if (store.kind !== 'files' || store.points === null || key === undefined) return undefined;
    const numbers = store.points.subarray(10 * key, 10 * key + 10);
    if (Number.isNaN(numbers[0])) return undefined;
    return Array.from({ length: 5 }, (_, i) => [numbers[2 * i]!, numbers[2 * i + 1]!]);
  }

  /** Gives the files back. May be called twice. */
  close(): void {
    this.#reader.close();
  }
}

/** The image files of a table; none where a source has records. */
function filesOf(table: SampleTable): { path: string }[] {
  return Array.from(table.offsets, (offset, i) => {
    const { store } = table.sources[sourceOf(table, i)]!;
    return store.kind === 'files' ? { path: pathAt(store, offset) } : { path: '' };
  });
}

function withoutUndefined<T extends object>(options: T): T {
  return Object.fromEntries(Object.entries(options).filter(([, value]) => value !== undefined)) as T;
}
