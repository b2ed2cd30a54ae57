import type { Landmarks } from '../data/lists/landmarks';
import { KappaError } from '../errors';
import type { Crop } from '../image/convert';
import { readNpy } from '../io/npy';
import type { Backbone } from '../nn/backbone';
import { addMirrored } from './embed';
import { embedFaces, type EmbeddingRun } from './embedding/embed-faces';
import { readIndex } from './embedding/feature-files';
import { FeatureMemory } from './embedding/feature-sink';
import { fileFaces, type NamedFile } from './embedding/open-faces';

/** Features by the names of their images. */
export class NamedFeatures {
  readonly #rows: ReadonlyMap<string, number>;
  #byStem: Map<string, number | null> | undefined;

  /**
   * @param data [N, D]
   * @param names [N]
   */
  constructor(
    readonly data: Float32Array,
    readonly columns: number,
    readonly names: readonly string[],
  ) {
    this.#rows = new Map(names.map((name, row) => [name, row]));
  }

  /** The row of an image; its ending may be another one, where only one image has the rest of its name. */
  rowOf(name: string): number | undefined {
    const row = this.#rows.get(name);
    if (row !== undefined) return row;
    if (this.#byStem === undefined) {
      this.#byStem = new Map();
      for (const [i, one] of this.names.entries()) {
        const key = stem(one);
        this.#byStem.set(key, this.#byStem.has(key) ? null : i);
      }
    }
    return this.#byStem.get(stem(name)) ?? undefined;
  }
}

function stem(name: string): string {
  return name.replaceAll('\\', '/').replace(/\.[a-zA-Z]{3,4}$/, '');
}

/**
 * Reads features that are there already.
 *
 * @param files `features` and maybe `mirrored`, which are added, are matrices of NumPy; `index` has a name for each row
 * @throws KappaError `ERR_SHAPE` where they do not fit together, `ERR_DATA_NOT_FOUND`, `ERR_DATA_CORRUPT`, `ERR_IO`
 */
export async function readNamedFeatures(files: {
  features: string;
  mirrored?: string;
  index: string;
}): Promise<NamedFeatures> {
  const { data: plain, rows, columns } = await readNpy(files.features);
  const names = await readIndex(files.index);
  if (names.length !== rows)
    throw new KappaError(
      'ERR_SHAPE',
      `${files.index} names ${names.length} images, but ${files.features} has ${rows} rows.`,
    );
  if (files.mirrored === undefined) return new NamedFeatures(plain, columns, names);
  const mirrored = await readNpy(files.mirrored);
  if (mirrored.rows !== rows || mirrored.columns !== columns)
    throw new KappaError(
      'ERR_SHAPE',
      `${files.mirrored} has ${mirrored.rows} x ${mirrored.columns} numbers, but ${files.features} has ${rows} x ${columns}.`,
    );
  return new NamedFeatures(
    plain.map((value, i) => value + mirrored.data[i]!),
    columns,
    names,
  );
}

/** How image files are cut and embedded. */
export interface EmbedFilesOptions extends EmbeddingRun {
  /** Adds the embedding of the mirror image. @default true */
  flip?: boolean;
  landmarks?: Landmarks;
  crop?: Crop | 'centre';
}

/**
 * Embeds image files.
 *
 * @param name names them in errors
 * @throws KappaError of an image that cannot be had, `ERR_CANCELLED`
 */
export async function embedFiles(
  backbone: Backbone,
  files: readonly NamedFile[],
  name: string,
  { flip = true, landmarks, crop, ...run }: EmbedFilesOptions = {},
): Promise<NamedFeatures> {
  const { embeddingSize } = backbone.options;
  const memory = new FeatureMemory(files.length, embeddingSize, flip);
  const faces = fileFaces(files, name, { landmarks, crop });
  await embedFaces(backbone, faces, () => Promise.resolve(memory), { ...run, mirrors: flip });
  const names = files.map((file) => file.name);
  return new NamedFeatures(addMirrored(memory, embeddingSize).data, embeddingSize, names);
}

/** What is said of how image files are cut. */
export function describeCut({ landmarks, crop }: Pick<EmbedFilesOptions, 'landmarks' | 'crop'>): string {
  if (landmarks) return 'align5pt';
  if (crop === undefined) return 'as they are';
  return crop === 'centre' ? 'centre' : `${crop.left},${crop.top},${crop.side}`;
}
