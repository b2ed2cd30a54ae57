/** A record file that samples come from. */
export interface RecordStore {
  kind: 'records';
  path: string;
  /** Size of the file in bytes; another size later means that the file was replaced. */
  size: number;
}

/** Image files that samples come from. */
export interface FileStore {
  kind: 'files';
  /** The folder that the paths are relative to. */
  root: string;
  /** All paths, UTF-8, each ended by a zero byte. */
  paths: Uint8Array;
  /** Five points of each sample as x1, y1, ..., x5, y5 in pixels (NaN where it has none), or null. */
  points: Float32Array | null;
}

/** A source of a table: it has the samples from `start` up to the start of the next one. */
export interface TableSource {
  store: RecordStore | FileStore;
  /** Its first sample. */
  start: number;
  /** How many times an epoch draws each sample, on average. */
  weight: number;
  /** The class of each label that stands in the record file, -1 for labels left out; null where they are the same. */
  classOf: Int32Array | null;
}

/**
 * Where a dataset's samples are. Everything is plain or in shared memory, so that it can be posted to a worker thread
 * without being copied.
 */
export interface SampleTable {
  sources: TableSource[];
  /** Height and width in pixels. */
  imageSize: [number, number];
  numClasses: number;
  /** Per sample: its key in the index of its record file, or its number among the files. */
  keys: Uint32Array;
  /** Per sample: its byte offset in the record file, or that of its path among the paths. */
  offsets: Float64Array;
  /** Per sample: its class, 0 to numClasses - 1. */
  labels: Int32Array;
}

/** The number of the source that a sample belongs to. */
export function sourceOf({ sources }: SampleTable, index: number): number {
  let s = sources.length - 1;
  while (s > 0 && sources[s]!.start > index) s--;
  return s;
}

/** The sample after a source's last one. */
export function endOfSource({ sources, labels }: SampleTable, source: number): number {
  return sources[source + 1]?.start ?? labels.length;
}

/** The path of an image file as the source names it: relative to its root, or absolute. */
export function pathAt({ paths }: FileStore, offset: number): string {
  // Text is decoded from a copy: a decoder does not take shared memory.
  return Buffer.from(paths.subarray(offset, paths.indexOf(0, offset))).toString('utf8');
}

/** Names a sample in messages: its file and place. */
export function describeSample(table: SampleTable, index: number): string {
  const { store } = table.sources[sourceOf(table, index)]!;
  if (store.kind === 'records')
    return `${store.path}: sample ${index} (key ${table.keys[index]}, record at byte ${table.offsets[index]})`;
  return `${store.root}: sample ${index} (${pathAt(store, table.offsets[index]!)})`;
}
