import { FORMAT_RGB, compressSync } from '@julusian/jpeg-turbo';
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { KappaError, type KappaErrorCode } from '../../lib/errors';
import { RecordWriter, packRecord } from '../../lib/data/recordio';
import { writeFaceDataset } from '../../lib/data/layout/face-dataset-writer';

/** A folder that is removed after the test file's tests. */
export function temporaryFolder(): string {
  const folder = mkdtempSync(path.join(os.tmpdir(), 'kappa-data-'));
  after(() => rmSync(folder, { recursive: true, force: true }));
  return folder;
}

/** Pixels that tell their number: a flat colour whose red is the number, with a gradient in blue. */
export function pixels(number: number, side = 112): Buffer {
  const rgb = Buffer.alloc(side * side * 3);
  for (let i = 0; i < side * side; i++) {
    rgb[3 * i] = number % 256;
    rgb[3 * i + 1] = 128;
    rgb[3 * i + 2] = i % side;
  }
  return rgb;
}

export function jpeg(number: number, side = 112): Buffer {
  const options = { format: FORMAT_RGB, width: side, height: side, quality: 95 };
  return Buffer.from(compressSync(pixels(number, side), options));
}

/** Writes `counts[c]` images for each class c; image i of the dataset is `jpeg(i)`. */
export async function makeDataset(root: string, counts: readonly number[], image = jpeg): Promise<string> {
  let i = 0;
  await writeFaceDataset(
    root,
    counts.map((count) => Array.from({ length: count }, () => image(i++))),
  );
  return root;
}

export interface RawRecord {
  key: number;
  label: number | number[];
  image?: Buffer;
}

/** Writes records just as given, with a property file, to make datasets that no tool should make. */
export async function makeRaw(
  root: string,
  records: readonly RawRecord[],
  property: string | null,
): Promise<string> {
  const writer = await RecordWriter.create(path.join(root, 'train.rec'), path.join(root, 'train.idx'));
  for (const { key, label, image = Buffer.alloc(0) } of records)
    await writer.write(key, packRecord({ label, id: key, image }));
  await writer.close();
  if (property !== null) writeFileSync(path.join(root, 'property'), property);
  return root;
}

/** Expects a KappaError with this code and text. */
export async function rejects(work: Promise<unknown>, code: KappaErrorCode, text: RegExp): Promise<void> {
  await assert.rejects(work, (error: unknown) => {
    assert.ok(error instanceof KappaError, `not a KappaError: ${String(error)}`);
    assert.equal(error.code, code, error.message);
    assert.match(error.message, text);
    return true;
  });
}

/** The outcome of work that may fail, but only with a KappaError. */
export async function onlyTyped<T>(work: () => T | Promise<T>, what: string): Promise<T | KappaError> {
  try {
    return await work();
  } catch (error) {
    assert.ok(
      error instanceof KappaError,
      `${what}: ${error instanceof Error ? error.stack : String(error)}`,
    );
    return error;
  }
}

/** The real development set, where it is present. */
export const LFW = path.join(__dirname, '..', '..', '..', 'shared', 'data', 'lfw');
