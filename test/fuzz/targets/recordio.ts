import assert from 'node:assert/strict';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import {
  RECORD_DIALECTS,
  RecordReader,
  RecordWriter,
  packRecord,
  unpackRecord,
} from '../../../lib/data/recordio';
import type { RecordDialectName } from '../../../lib/data/recordio';
import { KappaError } from '../../../lib/errors';
import type { Mutation } from '../mutations';
import type { FuzzTarget } from '../target';
import { fileIn, u32 } from './bytes';

const MAX_RECORDS = 64;
const dialects = Object.values(RECORD_DIALECTS);

async function written(dialect: RecordDialectName): Promise<Buffer> {
  const folder = mkdtempSync(path.join(os.tmpdir(), 'kappa-fuzz-'));
  try {
    const rec = path.join(folder, 'x.rec');
    const writer = await RecordWriter.create(rec, path.join(folder, 'x.idx'), { dialect });
    const magic = u32(RECORD_DIALECTS[dialect].magic);
    const image = Buffer.from('a picture');
    const payloads = [
      packRecord({ label: [3, 4], image: Buffer.alloc(0) }),
      packRecord({ label: 7, id: 1, image }),
      packRecord({ label: [1, 1], id: 2, image: Buffer.concat([magic, image.subarray(0, 4), magic, magic]) }),
      packRecord({ label: 2, id: RECORD_DIALECTS[dialect].magic, image }),
      Buffer.alloc(0),
    ];
    for (const [key, payload] of payloads.entries()) await writer.write(key, payload);
    await writer.close();
    return readFileSync(rec);
  } finally {
    rmSync(folder, { recursive: true });
  }
}

/** Writes a part's header (magic, kind and length) over an aligned place. */
const setPart: Mutation = (input, random) => {
  const { magic, flagShift } = dialects[random.below(dialects.length)]!;
  const copy = Buffer.from(input);
  if (copy.length < 8) return copy;
  const at = random.below(copy.length - 7) & ~3;
  const length = [0, 1, 4, 24, copy.length - at - 8, copy.length, 2 ** flagShift - 1][random.below(7)]!;
  u32(magic, random.below(2 ** (32 - flagShift)) * 2 ** flagShift + length).copy(copy, at);
  return copy;
};

/** A record of very many empty parts. */
const manyParts: Mutation = (input, random, { maxBytes }) => {
  const { magic, flagShift } = dialects[random.below(dialects.length)]!;
  const part = (kind: number) => u32(magic, kind * 2 ** flagShift);
  const middle = Buffer.alloc(8 * (1 + random.below(maxBytes / 16)), part(2));
  return Buffer.concat([part(1), middle, random.below(2) === 0 ? part(3) : Buffer.alloc(0), input]);
};

/** What a call gives, or the KappaError that it throws. */
function tried<T>(work: () => T): T | KappaError {
  try {
    return work();
  } catch (error) {
    if (error instanceof KappaError) return error;
    throw error;
  }
}

/** `train.rec`, record by record. */
export const recordioTarget: FuzzTarget = {
  name: 'recordio',
  about: 'records and their headers (.rec)',
  codes: ['ERR_DATA_CORRUPT'],
  seeds: () => Promise.all([written('dmlc'), written('plain')]),
  tokens: dialects.flatMap(({ magic }) => [u32(magic), u32(magic, 0), u32(magic, 24)]),
  mutations: [setPart, manyParts],
  maxBytes: 1 << 12,
  everydayInputs: 3000,
  open: (scratch) => {
    const write = fileIn(scratch, 'x.rec');
    return (input) => {
      const reader = RecordReader.open(write(input));
      try {
        let read = 0;
        for (let at = 0; read < MAX_RECORDS && at < reader.size; read++) {
          const head = tried(() => reader.readHead(at));
          const whole = tried(() => unpackRecord(reader.read(at)));
          assert.equal(head instanceof KappaError, whole instanceof KappaError, 'both ways to read agree');
          if (!(head instanceof KappaError) && !(whole instanceof KappaError)) {
            assert.deepEqual(head.labels, whole.labels);
            assert.equal(head.imageBytes, whole.image.length);
          }
          const end = reader.endOf(at);
          assert.ok(end > at && end <= reader.size, 'a record ends behind its beginning, within the file');
          at = end;
        }
        return read;
      } finally {
        reader.close();
      }
    };
  },
};
