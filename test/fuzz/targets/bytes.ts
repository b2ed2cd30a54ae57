import { writeFileSync } from 'node:fs';
import path from 'node:path';

/** A way to write inputs, one after the other, into one file of the scratch folder. @returns its path */
export function fileIn(scratch: string, name: string): (input: Buffer) => string {
  const file = path.join(scratch, name);
  return (input) => {
    writeFileSync(file, input);
    return file;
  };
}

/** Integers as little-endian bytes. */
export function u32(...values: number[]): Buffer {
  const bytes = Buffer.alloc(4 * values.length);
  values.forEach((value, i) => bytes.writeUInt32LE(value >>> 0, 4 * i));
  return bytes;
}

/** Joins parts behind a table of their lengths. */
export function joinParts(parts: readonly Buffer[]): Buffer {
  return Buffer.concat([u32(...parts.map(({ length }) => length)), ...parts]);
}

/** Takes apart what {@link joinParts} made; lengths that do not fit are cut to what is there. */
export function splitParts(input: Buffer, count: number): Buffer[] {
  let at = Math.min(4 * count, input.length);
  return Array.from({ length: count }, (_, i) => {
    const length = input.length < 4 * count ? 0 : input.readUInt32LE(4 * i);
    const end = i === count - 1 ? input.length : Math.min(at + length, input.length);
    const part = input.subarray(at, end);
    at = end;
    return part;
  });
}
