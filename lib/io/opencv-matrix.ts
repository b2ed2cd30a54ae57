import { writeFile } from 'node:fs/promises';

import { ioError, KappaError } from '../errors';
import { openFile } from '../files/open-file';

/** A matrix of an OpenCV dump, as MegaFace's devkit has a feature in each file: rows one after the other. */
export interface OpencvMatrix {
  readonly data: Float32Array;
  readonly rows: number;
  readonly columns: number;
}

/** rows, cols, stride in bytes, type: four int32, little-endian. */
const HEADER_BYTES = 16;
/** OpenCV's numbers of the element types with one channel. */
const FLOAT32 = 5;
const FLOAT64 = 6;
const MAX_BYTES = 1 << 30;

/**
 * Writes a float32 matrix as OpenCV dumps it. A feature is one column.
 *
 * @throws KappaError `ERR_SHAPE`, `ERR_IO`
 */
export async function writeOpencvMatrix(
  file: string,
  data: Float32Array,
  { rows, columns }: { rows: number; columns: number },
): Promise<void> {
  if (data.length !== rows * columns)
    throw new KappaError(
      'ERR_SHAPE',
      `Expected ${rows} x ${columns} numbers for ${file} but received ${data.length}.`,
    );
  const bytes = Buffer.allocUnsafe(HEADER_BYTES + 4 * data.length);
  [rows, columns, 4 * columns, FLOAT32].forEach((value, i) => bytes.writeInt32LE(value, 4 * i));
  data.forEach((value, i) => bytes.writeFloatLE(value, HEADER_BYTES + 4 * i));
  await writeFile(file, bytes).catch((error: unknown) => {
    throw ioError(error, 'write', file);
  });
}

/**
 * Reads a matrix of OpenCV's dump: float32 or float64 of one channel; float64 becomes float32.
 *
 * @throws KappaError `ERR_DATA_NOT_FOUND`, `ERR_DATA_CORRUPT` saying what it is instead, `ERR_IO`
 */
export async function readOpencvMatrix(file: string): Promise<OpencvMatrix> {
  const handle = await openFile(file);
  let bytes: Buffer;
  try {
    const { size } = await handle.stat();
    if (size > MAX_BYTES) throw bad(file, `it has ${size} bytes`);
    bytes = await handle.readFile();
  } catch (error) {
    throw ioError(error, 'read', file);
  } finally {
    await handle.close();
  }
  if (bytes.length < HEADER_BYTES) throw bad(file, `it has ${bytes.length} bytes, and its header alone 16`);
  const [rows, columns, stride, type] = [0, 4, 8, 12].map((at) => bytes.readInt32LE(at)) as [
    number,
    number,
    number,
    number,
  ];
  if (type !== FLOAT32 && type !== FLOAT64)
    throw bad(file, `its numbers are of OpenCV's type ${type}; 5 (float32) or 6 (float64) is needed`);
  const width = type === FLOAT32 ? 4 : 8;
  if (rows < 0 || columns < 0 || stride < columns * width)
    throw bad(file, `its header says ${rows} x ${columns} numbers in rows of ${stride} bytes`);
  const expected = HEADER_BYTES + rows * stride;
  if (bytes.length !== expected)
    throw bad(file, `it has ${bytes.length} bytes, but ${rows} rows of ${stride} bytes need ${expected}`);
  const data = new Float32Array(rows * columns);
  for (let i = 0; i < data.length; i++) {
    const at = HEADER_BYTES + Math.floor(i / columns) * stride + (i % columns) * width;
    data[i] = type === FLOAT32 ? bytes.readFloatLE(at) : bytes.readDoubleLE(at);
  }
  return { data, rows, columns };
}

function bad(file: string, why: string): KappaError {
  return new KappaError('ERR_DATA_CORRUPT', `${file} cannot be read as a matrix of OpenCV: ${why}.`);
}
