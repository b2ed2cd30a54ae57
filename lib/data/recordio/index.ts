/**
 * MXNet RecordIO: `train.rec` with its `train.idx`. This file gathers the names; each part has a file of its own.
 */
export { RECORD_DIALECTS, type RecordDialectName } from './dialect';
export { packRecord, unpackRecord } from './header';
export { formatRecordIndex, parseRecordIndex, readRecordIndex } from './index-file';
export { RecordReader } from './reader';
export { RecordWriter } from './writer';
