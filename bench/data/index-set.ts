import { closeSync, existsSync, mkdirSync, openSync, renameSync, writeFileSync, writeSync } from 'node:fs';
import path from 'node:path';

import { packRecord } from '../../lib/data/recordio/header';

const MAGIC = 0xced7230a;
const CHUNK_BYTES = 1 << 22;

/**
 * Writes a record file in the face2rec2 layout whose images are 4 bytes each: all that opening a set looks at, at the
 * size of the largest. Kept for the next run.
 */
export function ensureIndexSet(root: string, images: number, classes: number): string {
  const folder = path.join(root, `index-${images}-${classes}`);
  if (existsSync(path.join(folder, 'property'))) return folder;
  mkdirSync(folder, { recursive: true });
  const files = ['train.rec', 'train.idx'].map((name) => new Appender(path.join(folder, name)));
  const [rec, idx] = files as [Appender, Appender];
  const add = (key: number, label: readonly number[], image: Buffer) => {
    idx.add(Buffer.from(`${key}\t${rec.written}\n`));
    const payload = packRecord({ label, id: key, image });
    const head = Buffer.alloc(8);
    head.writeUInt32LE(MAGIC, 0);
    head.writeUInt32LE(payload.length, 4);
    rec.add(head);
    rec.add(payload);
  };
  const none = Buffer.alloc(0);
  const image = Buffer.from([0xff, 0xd8, 0xff, 0xd9]);
  const firstOf = (label: number) => 1 + Math.floor((label * images) / classes);
  add(0, [images + 1, images + 1 + classes], none);
  for (let label = 0; label < classes; label++)
    for (let key = firstOf(label); key < firstOf(label + 1); key++) add(key, [label, 1], image);
  for (let label = 0; label < classes; label++)
    add(images + 1 + label, [firstOf(label), firstOf(label + 1)], none);
  for (const file of files) file.close();
  // Last, and at once: a folder with it is whole.
  const property = path.join(folder, 'property');
  writeFileSync(`${property}.partial`, `${classes},112,112\n`);
  renameSync(`${property}.partial`, property);
  return folder;
}

/** A file that is written in large pieces. */
class Appender {
  written = 0;
  readonly #fd: number;
  readonly #chunk = Buffer.alloc(CHUNK_BYTES);
  #filled = 0;

  constructor(file: string) {
    this.#fd = openSync(file, 'w');
  }

  /** @param bytes fewer than a chunk holds */
  add(bytes: Buffer): void {
    if (this.#filled + bytes.length > CHUNK_BYTES) this.#flush();
    bytes.copy(this.#chunk, this.#filled);
    this.#filled += bytes.length;
    this.written += bytes.length;
  }

  close(): void {
    this.#flush();
    closeSync(this.#fd);
  }

  #flush(): void {
    writeSync(this.#fd, this.#chunk, 0, this.#filled);
    this.#filled = 0;
  }
}
