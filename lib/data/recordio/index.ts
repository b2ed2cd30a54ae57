/**
 * MXNet RecordIO: `train.rec` with its `train.idx`. This file gathers the names; each part has a file of its own.
 */
export { RECORD_DIALECTS, type RecordDialect, type RecordDialectName } from './dialect';
export { packRecord, unpackRecord, RECORD_HEADER_BYTES, type ImageRecord, type PackOptions } from './header';
export { formatRecordIndex, parseRecordIndex, readRecordIndex, type RecordIndex } from './index-file';
export { RecordReader, type RecordHead } from './reader';
export { RecordWriter } from './writer';
