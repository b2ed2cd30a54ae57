import type { FaceLayout } from '../layout/face-layout';
import type { OpenIndexOptions } from '../recordio/open-index';
import type { FileStore, RecordStore } from '../sample-table';

/** What opening a source needs to know. */
export interface OpenSourceOptions extends OpenIndexOptions {
  /** Accept classes without images. */
  allowEmptyClasses: boolean;
  /** Remember scanned labels in `train.rec.kappa-index`. */
  cache: boolean;
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
