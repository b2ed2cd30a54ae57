import { closeSync, ftruncateSync, mkdirSync, openSync, writeFileSync, writeSync } from 'node:fs';
import path from 'node:path';
import { RECORD_DIALECTS, encodePart } from '../../lib/data/recordio/dialect';
import { packRecord } from '../../lib/data/recordio';

export interface LargeDatasetOptions {
  images: number;
  classes: number;
  layout: 'face2rec2' | 'im2rec';
  /** The first so many images are half a gigabyte each, holes in a sparse file: offsets pass 4 GiB with nine. @default 0 */
  holes?: number;
}

const HOLE_BYTES = 2 ** 29 - 1024;
const FLUSH_BYTES = 8 << 20;
const IMAGE = Buffer.from('none');

/** The class of an image of a large dataset: as many images to each, in the order of the classes. */
export function largeLabel(image: number, { images, classes }: LargeDatasetOptions): number {
  return Math.floor((image * classes) / images);
}

/** Writes a dataset of any number of tiny records that hold no real images: for what never decodes any. */
export function writeLargeDataset(root: string, options: LargeDatasetOptions): string {
  const { images, classes, layout, holes = 0 } = options;
  mkdirSync(root, { recursive: true });
  const rec = new Sink(path.join(root, 'train.rec'));
  const idx = new Sink(path.join(root, 'train.idx'));
  const dialect = RECORD_DIALECTS.dmlc;
  const write = (key: number, label: number | number[], image: Buffer, hole = 0): void => {
    const payload = packRecord({ label, id: key, image });
    const length = payload.length + hole;
    idx.write(Buffer.from(`${key}\t${rec.length}\n`));
    rec.write(Buffer.concat([encodePart(0, length, dialect), payload]));
    rec.skip(hole + ((4 - (length % 4)) % 4));
  };
  const first = layout === 'face2rec2' ? 1 : 0;
  const none = Buffer.alloc(0);
  if (first === 1) write(0, [images + 1, images + 1 + classes], none);
  const begins = new Uint32Array(classes + 1).fill(images + 1);
  for (let i = images - 1; i >= 0; i--) begins[largeLabel(i, options)] = i + 1;
  for (let i = 0; i < images; i++) {
    const label = largeLabel(i, options);
    write(first + i, first === 1 ? [label, 1] : label, IMAGE, i < holes ? HOLE_BYTES : 0);
  }
  if (first === 1)
    for (let c = 0; c < classes; c++) write(images + 1 + c, [begins[c]!, begins[c + 1]!], none);
  rec.close();
  idx.close();
  writeFileSync(path.join(root, 'property'), `${classes},112,112\n`);
  return root;
}

/** A file that is written in large pieces, with holes. */
class Sink {
  length = 0;
  readonly #fd: number;
  #pending: Buffer[] = [];
  #pendingBytes = 0;
  #at = 0;

  constructor(file: string) {
    this.#fd = openSync(file, 'w');
  }

  write(bytes: Buffer): void {
    this.#pending.push(bytes);
    this.#pendingBytes += bytes.length;
    this.length += bytes.length;
    if (this.#pendingBytes >= FLUSH_BYTES) this.#flush();
  }

  skip(count: number): void {
    if (count < 4) return this.write(Buffer.alloc(count));
    this.#flush();
    this.length += count;
    this.#at = this.length;
  }

  close(): void {
    this.#flush();
    ftruncateSync(this.#fd, this.length);
    closeSync(this.#fd);
  }

  #flush(): void {
    if (this.#pendingBytes > 0)
      writeSync(this.#fd, Buffer.concat(this.#pending), 0, this.#pendingBytes, this.#at);
    this.#at += this.#pendingBytes;
    this.#pending = [];
    this.#pendingBytes = 0;
  }
}
