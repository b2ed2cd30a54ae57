import { closeSync, fstatSync, ftruncateSync, mkdirSync, openSync, readdirSync, writeSync } from 'node:fs';
import { hostname } from 'node:os';
import path from 'node:path';

import { ioError, KappaError } from '../../errors';
import { maskedCrc32c } from './crc32c';
import { encodeEvent, type BoardEvent } from './event';

const FILE_VERSION = 'brain.Event:2';
const NAME = /^events\.out\.tfevents\.(\d+)\./;

/** An events file of TensorBoard, which is appended to. Each writer makes one of its own. */
export class EventFile {
  readonly path: string;
  #file: number | undefined;

  private constructor(path: string, file: number) {
    this.path = path;
    this.#file = file;
  }

  /**
   * Makes a new file beside those that are there.
   *
   * @param folder made where it is missing
   * @param restartAfter the run goes on from this step: TensorBoard drops what earlier files have of later ones
   * @throws KappaError `ERR_IO`
   */
  static create(folder: string, restartAfter?: number): EventFile {
    try {
      mkdirSync(folder, { recursive: true });
      // TensorBoard reads files by name: a later one must have a later time, also within a second.
      const times = readdirSync(folder).map((name) => Number(NAME.exec(name)?.[1] ?? 0) + 1);
      const time = Math.max(Math.floor(Date.now() / 1000), ...times);
      const host = hostname().replace(/[^\w-]+/g, '-');
      const file = path.join(folder, `events.out.tfevents.${time}.${host}.${process.pid}`);
      const events = new EventFile(file, openSync(file, 'ax'));
      events.append({ step: restartAfter === undefined ? 0 : restartAfter + 1, fileVersion: FILE_VERSION });
      if (restartAfter !== undefined) events.append({ step: restartAfter + 1, isRestart: true });
      return events;
    } catch (error) {
      throw ioError(error, 'create TensorBoard events in', folder);
    }
  }

  /**
   * Appends an event of now; numbers that are not finite are left out.
   *
   * @throws KappaError `ERR_IO`; the file is as before then
   */
  append(event: Omit<BoardEvent, 'wallTime'>): void {
    if (this.#file === undefined)
      throw new KappaError('ERR_DISPOSED', `The events file ${this.path} was used after it was closed.`);
    const finite = Object.entries(event.scalars ?? {}).filter(([, value]) => Number.isFinite(value));
    const bytes = record(
      encodeEvent({ ...event, scalars: Object.fromEntries(finite), wallTime: Date.now() / 1000 }),
    );
    const start = fstatSync(this.#file).size;
    try {
      for (let written = 0; written < bytes.length;) written += writeSync(this.#file, bytes, written);
    } catch (error) {
      ftruncateSync(this.#file, start);
      throw ioError(error, 'write TensorBoard events to', this.path);
    }
  }

  /** May be called twice. */
  close(): void {
    if (this.#file !== undefined) closeSync(this.#file);
    this.#file = undefined;
  }
}

/** A record of TFRecord: length (8 bytes), its checksum, the bytes, their checksum. */
function record(bytes: Buffer): Buffer {
  const head = Buffer.alloc(12);
  head.writeBigUInt64LE(BigInt(bytes.length));
  head.writeUInt32LE(maskedCrc32c(head.subarray(0, 8)), 8);
  const tail = Buffer.alloc(4);
  tail.writeUInt32LE(maskedCrc32c(bytes));
  return Buffer.concat([head, bytes, tail]);
}
