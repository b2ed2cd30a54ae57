import assert from 'node:assert/strict';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { crc32 } from 'node:zlib';
import { labelCachePath, readLabelCache, writeLabelCache } from '../../../lib/data/layout/label-cache';
import type { FuzzTarget } from '../target';

const STAMP = '1000 1.5 40 2.5';
const HEAD_BYTES = Buffer.from(`kappa-index 1\n${STAMP}\n`).length;
const LABELS = Int32Array.of(0, 1, 1, 2, 3);

/** The labels remembered beside a record file. A damaged cache is as none, and never an error. */
export const labelCacheTarget: FuzzTarget = {
  name: 'label-cache',
  about: 'remembered labels (.kappa-index)',
  codes: [],
  seeds: async () => {
    const folder = mkdtempSync(path.join(os.tmpdir(), 'kappa-fuzz-'));
    try {
      const rec = path.join(folder, 'train.rec');
      await writeLabelCache(rec, STAMP, LABELS);
      return [readFileSync(labelCachePath(rec))];
    } finally {
      rmSync(folder, { recursive: true });
    }
  },
  tokens: ['kappa-index', '\n', STAMP],
  repair: (input) => {
    const copy = Buffer.from(input);
    if (copy.length >= HEAD_BYTES + 4) copy.writeUInt32LE(crc32(copy.subarray(HEAD_BYTES + 4)), HEAD_BYTES);
    return copy;
  },
  everydayInputs: 4000,
  open: (scratch) => {
    const rec = path.join(scratch, 'train.rec');
    return async (input) => {
      writeFileSync(labelCachePath(rec), input);
      const labels = await readLabelCache(rec, STAMP, LABELS.length);
      if (labels === undefined) return 'none';
      assert.equal(labels.length, LABELS.length);
      assert.ok(
        labels.every((label) => label >= 0),
        'a label is a class',
      );
      return `labels to ${Math.clz32(Math.max(...labels))}`;
    };
  },
};
