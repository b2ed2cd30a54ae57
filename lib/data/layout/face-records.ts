/** How the records of a set lie in its file. */
export type RecordLayout = 'face2rec2' | 'im2rec';

/** A dataset's image records in ascending key order, with the labels that the file gives them. */
export interface FaceRecords {
  layout: RecordLayout;
  /** Number of identity records (face2rec2) or undefined. */
  numIdentities?: number;
  keys: Uint32Array;
  offsets: Float64Array;
  labels: Int32Array;
}

export interface LayoutOptions {
  /** Integers above this may have been rounded where float32 stands. @default 2^24 */
  exactLimit?: number;
  /** What identifies the files to the sidecar cache; no cache without it. */
  stamp?: string;
  /** Called now and then while headers are scanned. */
  onProgress?: (done: number, total: number) => void;
  /** Told what was wrong with the set but could be helped. */
  onMessage?: (text: string) => void;
  /** Ends a scan of headers with ERR_CANCELLED. */
  signal?: AbortSignal;
}
