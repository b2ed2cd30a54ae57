import { closeSync, existsSync, openSync, readFileSync, writeSync } from 'node:fs';
import path from 'node:path';

const HEAD_BYTES = 16;

/** Where the mailbox of a campaign lies. */
export const mailboxIn = (scratch: string): string => path.join(scratch, 'input');

/**
 * The file where a worker leaves each input before it is parsed, so that another process knows what a crash or a hang
 * was about, and that time passes.
 */
export class Mailbox {
  readonly #fd: number;
  #buffer = Buffer.alloc(HEAD_BYTES);

  constructor(path: string) {
    this.#fd = openSync(path, 'w');
  }

  put(index: number, input: Buffer): void {
    const length = HEAD_BYTES + input.length;
    if (this.#buffer.length < length) this.#buffer = Buffer.alloc(2 * length);
    this.#buffer.writeDoubleLE(index, 0);
    this.#buffer.writeUInt32LE(input.length, 8);
    input.copy(this.#buffer, HEAD_BYTES);
    writeSync(this.#fd, this.#buffer, 0, length, 0);
  }

  close(): void {
    closeSync(this.#fd);
  }
}

/** What stands in a mailbox, or undefined while it is empty or absent. */
export function readMailbox(path: string): { index: number; input: Buffer } | undefined {
  if (!existsSync(path)) return undefined;
  const bytes = readFileSync(path);
  if (bytes.length < HEAD_BYTES) return undefined;
  const length = bytes.readUInt32LE(8);
  return { index: bytes.readDoubleLE(0), input: bytes.subarray(HEAD_BYTES, HEAD_BYTES + length) };
}
