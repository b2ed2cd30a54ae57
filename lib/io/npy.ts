import type { FileHandle } from 'node:fs/promises';

import { ioError, KappaError } from '../errors';
import { writeFileAtomically } from '../files/atomic-file';
import { openFile } from '../files/open-file';

/** A matrix of a `.npy` file: rows one after the other. */
export interface NpyMatrix {
  /** On shared memory, so that a tensor can use it in place. */
  readonly data: Float32Array;
  readonly rows: number;
  readonly columns: number;
}

const MAGIC = Buffer.from('\x93NUMPY', 'latin1');
const PIECE = 1 << 24;
const WIDTHS: Record<string, number> = { '<f4': 4, '<f8': 8 };

/** A matrix of a `.npy` file that is read row by row. */
export interface NpyFile {
  readonly rows: number;
  readonly columns: number;
  /** Fills `into` with whole rows from `first` on. */
  read(first: number, into: Float32Array): Promise<void>;
  close(): Promise<void>;
}

/**
 * Opens a matrix of NumPy (`numpy.save`): float32 or float64, little-endian, in C order. float64 becomes float32.
 *
 * @throws KappaError `ERR_DATA_NOT_FOUND`, `ERR_DATA_CORRUPT` saying what it is instead, `ERR_IO`
 */
export async function openNpy(file: string): Promise<NpyFile> {
  const handle = await openFile(file);
  try {
    const { start, width, rows, columns } = await readHeader(handle, file);
    const { size } = await handle.stat();
    const expected = start + rows * columns * width;
    if (size !== expected)
      throw bad(
        file,
        `it has ${size} bytes, but ${rows} x ${columns} numbers need ${expected}. It is cut off, or something follows`,
      );
    const read = async (first: number, into: Float32Array): Promise<void> => {
      const from = start + first * columns * width;
      const piece = Buffer.alloc(Math.min(PIECE, Math.max(8, into.length * width)));
      for (let at = 0; at < into.length;) {
        const wanted = Math.min(piece.length, (into.length - at) * width);
        await readExactly(handle, piece.subarray(0, wanted), from + at * width, file);
        const numbers = wanted / width;
        if (width === 4) into.set(new Float32Array(piece.buffer, piece.byteOffset, numbers), at);
        else into.set(new Float64Array(piece.buffer, piece.byteOffset, numbers), at);
        at += numbers;
      }
    };
    return {
      rows,
      columns,
      read: (first, into) =>
        read(first, into).catch((error: unknown) => {
          throw error instanceof KappaError ? error : ioError(error, 'read', file);
        }),
      close: () => handle.close(),
    };
  } catch (error) {
    await handle.close();
    throw error instanceof KappaError ? error : ioError(error, 'read', file);
  }
}

/**
 * Reads a matrix of NumPy: float32 or float64, little-endian, in C order. float64 becomes float32.
 *
 * @param file a `.npy` file
 * @throws KappaError `ERR_DATA_CORRUPT`, `ERR_DATA_NOT_FOUND`, `ERR_IO`
 */
export async function readNpy(file: string): Promise<NpyMatrix> {
  const { rows, columns, read, close } = await openNpy(file);
  try {
    const data = new Float32Array(new SharedArrayBuffer(4 * rows * columns));
    await read(0, data);
    return { data, rows, columns };
  } finally {
    await close();
  }
}

/** Writes a float32 matrix as `numpy.save` does. @throws KappaError `ERR_IO`; nothing is half written */
export async function writeNpy(file: string, { data, rows, columns }: NpyMatrix): Promise<void> {
  await writeFileAtomically(file, async (handle) => {
    await handle.write(npyHeader(rows, columns));
    for (let at = 0; at < data.length; at += PIECE / 4)
      await handle.write(Buffer.from(Float32Array.from(data.subarray(at, at + PIECE / 4)).buffer));
  });
}

/** What a float32 matrix begins with; its numbers follow, row by row, little-endian. */
export function npyHeader(rows: number, columns: number): Buffer {
  const text = `{'descr': '<f4', 'fortran_order': False, 'shape': (${rows}, ${columns}), }`;
  // The header ends at a multiple of 64 bytes.
  const length = Math.ceil((MAGIC.length + 4 + text.length + 1) / 64) * 64 - MAGIC.length - 4;
  return Buffer.concat([
    MAGIC,
    Buffer.from([1, 0, length & 255, length >> 8]),
    Buffer.from(`${text.padEnd(length - 1)}\n`, 'latin1'),
  ]);
}

interface Header {
  start: number;
  width: number;
  rows: number;
  columns: number;
}

async function readHeader(handle: FileHandle, file: string): Promise<Header> {
  const first = Buffer.alloc(12);
  await readExactly(handle, first, 0, file);
  if (!first.subarray(0, MAGIC.length).equals(MAGIC))
    throw bad(file, 'it does not begin as a .npy file does');
  const version = first[6]!;
  if (version < 1 || version > 3)
    throw bad(file, `it is of version ${version} of that format, which is not known`);
  const [length, start] = version === 1 ? [first.readUInt16LE(8), 10] : [first.readUInt32LE(8), 12];
  if (length > 65_536) throw bad(file, `its header is of ${length} bytes`);
  const text = Buffer.alloc(length);
  await readExactly(handle, text, start, file);
  const header = text.toString('latin1');
  const field = (name: string, value: string): string | undefined =>
    new RegExp(`'${name}'\\s*:\\s*${value}`).exec(header)?.[1];
  const type = field('descr', "'([^']*)'");
  const order = field('fortran_order', '(True|False)');
  const shape = field('shape', '\\(([^)]*)\\)')
    ?.split(',')
    .map((part) => part.trim())
    .filter(Boolean);
  const sizes = shape?.map(Number) ?? [];
  if (type === undefined || order === undefined || shape === undefined)
    throw bad(file, 'its header is damaged');
  const width = WIDTHS[type];
  if (width === undefined)
    throw bad(file, `its numbers are of type ${type}; float32 (<f4) or float64 (<f8) is needed`);
  if (sizes.length !== 2 || !sizes.every((size) => Number.isSafeInteger(size) && size >= 0))
    throw bad(file, `its shape is (${shape.join(', ')}); a matrix is needed, a row for each image`);
  if (order === 'True' && sizes[0]! > 1 && sizes[1]! > 1)
    throw bad(file, 'its columns lie one after the other: save it with numpy.ascontiguousarray');
  return { start: start + length, width, rows: sizes[0]!, columns: sizes[1]! };
}

async function readExactly(handle: FileHandle, into: Buffer, position: number, file: string): Promise<void> {
  for (let at = 0; at < into.length;) {
    const { bytesRead } = await handle.read(into, at, into.length - at, position + at);
    if (bytesRead === 0) throw bad(file, 'it ends too early');
    at += bytesRead;
  }
}

function bad(file: string, why: string): KappaError {
  return new KappaError('ERR_DATA_CORRUPT', `${file} cannot be read as a matrix of NumPy: ${why}.`);
}
