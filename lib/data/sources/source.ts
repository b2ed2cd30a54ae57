import type { FaceLayout } from '../layout/face-layout';
import type { OpenIndexOptions } from '../recordio/open-index';
import type { FileStore, RecordStore } from '../sample-table';

/** One of the places that a dataset's images come from. */
export interface FaceSource {
  /**
   * A folder in insightface's layout (train.rec, train.idx, property), a folder of images (root/identity/image.jpg), a
   * `.rec` file or a `.lst` file. With `list`: the folder that its paths are relative to (by default the list's own).
   */
  root?: string;
  /** A `.lst` file of im2rec (index, labels, path) or face2rec2 (aligned, path, label, box, points). */
  list?: string;
  /** How many times an epoch draws each image of this source, on average; any number above 0. @default 1 */
  weight?: number;
  /** Keep only these classes: the first so many, or a list of labels or of identity names, in that order. */
  identities?: number | readonly number[] | readonly string[];
  /** Keep at most so many images of each class, the first ones. */
  imagesPerIdentity?: number;
  /**
   * `separate`: its classes are appended to those of the sources before it. `shared`: identities are the same as those
   * of the same name (of the same label, where no shared source has names) in other shared sources.
   * @default 'separate'
   */
  labels?: 'separate' | 'shared';
  /** A text file of images to leave out: a line each, the record's key or the relative path, then a tab and why. */
  skipList?: string;
  /** The number of classes that this source must have; stands in for a missing `property` file. */
  numClasses?: number;
}

export interface OpenSourceOptions extends OpenIndexOptions {
  /** Accept classes without images. @default false */
  allowEmptyClasses?: boolean;
  /** Remember scanned labels in `train.rec.kappa-index`. @default true */
  cache?: boolean;
  /** @internal where float32 stops being exact; smaller in tests only. */
  exactLimit?: number;
}

/** A source as it was found, before a subset of it is taken. */
export interface OpenedSource {
  /** Its folder or file, for messages. */
  name: string;
  layout: FaceLayout;
  /** Height and width in pixels, where the source says so. */
  imageSize: [number, number] | undefined;
  numClasses: number;
  /** The identity's name of each class, where the source has names. */
  names: readonly string[] | undefined;
  store: RecordStore | FileStore;
  keys: Uint32Array;
  offsets: Float64Array;
  labels: Int32Array;
}

/** What every message about a missing set ends with. */
export const LAYOUT_HELP =
  'A dataset is a folder with train.rec, train.idx and property, as insightface distributes them ' +
  '(https://github.com/deepinsight/insightface/tree/master/recognition/_datasets_), or a folder of images with a ' +
  'folder for each identity';
