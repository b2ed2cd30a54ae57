import assert from 'node:assert/strict';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { FaceDataset } from '../../../lib/data/face-dataset';
import { RecordWriter, packRecord } from '../../../lib/data/recordio';
import { writeFaceDataset } from '../../../lib/data/layout/face-dataset-writer';
import { KappaError } from '../../../lib/errors';
import { inParts, type Mutation } from '../mutations';
import type { FuzzTarget } from '../target';
import { joinParts, splitParts } from './bytes';

const FILES = ['train.rec', 'train.idx', 'property'] as const;
// Float32 counts as exact to here, so that the code for data sets of more than 16.7 million records runs too.
const SMALL_LIMIT = 4;

const split = (input: Buffer) => splitParts(input, FILES.length);

async function files(write: (root: string) => Promise<unknown>): Promise<Buffer> {
  const root = mkdtempSync(path.join(os.tmpdir(), 'kappa-fuzz-'));
  try {
    await write(root);
    return joinParts(FILES.map((name) => readFileSync(path.join(root, name))));
  } finally {
    rmSync(root, { recursive: true });
  }
}

async function writeIm2rec(root: string): Promise<void> {
  const writer = await RecordWriter.create(path.join(root, 'train.rec'), path.join(root, 'train.idx'));
  for (const [key, label] of [0, 1, 1, 2].entries())
    await writer.write(key, packRecord({ label, id: key, image: Buffer.from('picture') }));
  await writer.close();
  writeFileSync(path.join(root, 'property'), '3,8,8\n');
}

/** Writes a number into one of the float32 labels: ranges, header counts, classes. */
const setLabel: Mutation = (input, random) => {
  const parts = split(input);
  const rec = Buffer.from(parts[0]!);
  const values = [-1, 0, 0.5, 1, 2, 3, 4, 5, 6, 7, 8, 2 ** 24, 2 ** 24 + 2, 2 ** 31, 1e30, NaN, Infinity];
  if (rec.length >= 4)
    rec.writeFloatLE(values[random.below(values.length)]!, random.below(rec.length - 3) & ~3);
  parts[0] = rec;
  return joinParts(parts);
};

/** A whole data set: its layout, its identity ranges, its samples. */
export const faceDatasetTarget: FuzzTarget = {
  name: 'dataset',
  about: 'a data set of train.rec, train.idx and property',
  codes: ['ERR_DATA_CORRUPT', 'ERR_LABEL_RANGE'],
  seeds: () => {
    const image = Buffer.from('picture');
    const identities = [[image, image], [image], [image, image, image]];
    return Promise.all([
      files((root) => writeFaceDataset(root, identities, { imageSize: [8, 8] })),
      files(writeIm2rec),
    ]);
  },
  tokens: ['\t', '\n', '0\t0\n', ',', '16777216', '999999999,1,1'],
  mutations: [inParts(split, joinParts), inParts(split, joinParts), setLabel],
  maxBytes: 1 << 14,
  everydayInputs: 1000,
  open: (root) => async (input) => {
    split(input).forEach((bytes, i) => writeFileSync(path.join(root, FILES[i]!), bytes));
    const exactLimit = input.length % 3 === 0 ? SMALL_LIMIT : undefined;
    const allowEmptyClasses = input.length % 2 === 0;
    const dataset = await FaceDataset.open(root, { cache: false, exactLimit, allowEmptyClasses });
    try {
      assert.equal(
        dataset.samplesPerClass.reduce((sum, count) => sum + count, 0),
        dataset.length,
        'every sample has a class',
      );
      let readable = 0;
      for (let index = 0; index < Math.min(dataset.length, 64); index++)
        try {
          const { label, image } = dataset.read(index);
          assert.ok(label >= 0 && label < dataset.numClasses && image.length > 0);
          readable++;
        } catch (error) {
          if (!(error instanceof KappaError)) throw error;
        }
      return `${dataset.layout} ${dataset.length} ${readable}`;
    } finally {
      dataset.close();
    }
  },
};
