import { FORMAT_RGB, compressSync } from '@julusian/jpeg-turbo';
import { writeFileSync } from 'node:fs';
import path from 'node:path';
import sharp from 'sharp';
import { RecordWriter, packRecord } from '../../lib/data/recordio';
import { writeFaceDataset } from '../../lib/data/layout/face-dataset-writer';

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

/** The same as {@link jpeg}, exact. */
export function png(number: number, side = 112): Promise<Buffer> {
  const raw = { width: side, height: side, channels: 3 } as const;
  return sharp(pixels(number, side), { raw }).png().toBuffer();
}

/** Bytes that tell their number, where nothing decodes them. */
export function anyBytes(number: number): Buffer {
  return Buffer.from(`image ${number}`);
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

/** The real development set, where it is present. */
export const LFW = path.join(__dirname, '..', '..', '..', 'shared', 'data', 'lfw');
