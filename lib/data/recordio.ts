/**
 * MXNet RecordIO: `train.rec` with its `train.idx`. This file gathers the names; each part has a file of its own.
 */
export { RECORD_DIALECTS, type RecordDialect, type RecordDialectName } from './record-dialect';
export {
  packRecord,
  unpackRecord,
  RECORD_HEADER_BYTES,
  type ImageRecord,
  type PackOptions,
} from './record-header';
export { formatRecordIndex, parseRecordIndex, readRecordIndex, type RecordIndex } from './record-index';
export { RecordReader, type RecordHead } from './record-reader';
export { RecordWriter } from './record-writer';
