import { mkdir, readFile } from 'node:fs/promises';
import path from 'node:path';
import { KappaError, argumentError, ioError } from '../../errors';
import { writeFileAtomically } from '../../files/atomic-file';
import { PickleWriter } from '../../pickle/writer';
import { NumpyArray, PickleTuple, type PickleValue } from '../../pickle/values';
import { unpickle } from '../../pickle/reader';

/** Pairs of images, each of one person or of two: `lfw.bin` and its like. */
export interface VerificationSet {
  /** The file's name without its ending, for instance `lfw`. */
  name: string;
  /** 2P encoded images; pair i is images 2i and 2i + 1. */
  images: Buffer[];
  /** P answers: are both of one person? */
  isSame: boolean[];
}

/**
 * Reads a verification set as insightface's tools write it: a pickle of `(images, issame)`, protocols 0 to 5.
 * Nothing in the file is executed.
 * @throws KappaError ERR_DATA_NOT_FOUND, ERR_IO, ERR_DATA_CORRUPT (with the byte offset or the image's number)
 */
export async function readVerificationSet(file: string): Promise<VerificationSet> {
  let bytes: Buffer;
  try {
    bytes = await readFile(file);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT')
      throw new KappaError(
        'ERR_DATA_NOT_FOUND',
        `There is no verification set ${file}. The sets (lfw.bin, cfp_fp.bin, agedb_30.bin, ...) lie beside train.rec in insightface's datasets; each is a pickle of (images, issame).`,
        { cause: error },
      );
    throw ioError(error, 'read', file);
  }
  return parseVerificationSet(bytes, file);
}

/** Parses the bytes of a verification set; the images are views of them. @param file names the file in errors. */
export function parseVerificationSet(bytes: Buffer, file: string): VerificationSet {
  const corrupt = (why: string) =>
    new KappaError('ERR_DATA_CORRUPT', `${file}: not a verification set: ${why}.`);
  const parts = sequence(unpickle(bytes, file));
  if (parts?.length !== 2) throw corrupt('expected a pair (images, issame)');
  const bins = sequence(parts[0]!);
  if (bins === null) throw corrupt('expected a list of encoded images as the first element');
  const isSame = booleans(parts[1]!);
  if (isSame === null) throw corrupt('expected a list or array of booleans as the second element');
  if (bins.length % 2 !== 0)
    throw corrupt(`it has ${bins.length} images, an odd number, but pairs were expected`);
  if (bins.length !== 2 * isSame.length)
    throw corrupt(`it has ${bins.length} images but ${isSame.length} answers: each answer needs two images`);
  if (isSame.length === 0) throw corrupt('it holds no pairs');
  const images = bins.map((value, i) => {
    const image = value instanceof NumpyArray && value.dtype?.kind === 'uint8' ? value.data : value;
    if (!Buffer.isBuffer(image)) throw corrupt(`image ${i} is not made of bytes`);
    if (image.length === 0) throw corrupt(`image ${i} is empty`);
    return image;
  });
  return { name: path.basename(file, path.extname(file)), images, isSame };
}

/**
 * Writes a verification set that insightface's tools read (pickle, protocol 2); the file appears whole or not at all.
 * @throws KappaError ERR_ARGUMENT, ERR_IO
 */
export async function writeVerificationSet(file: string, set: Omit<VerificationSet, 'name'>): Promise<void> {
  if (set.images.length !== 2 * set.isSame.length)
    throw argumentError('set', `${2 * set.isSame.length} images for ${set.isSame.length} pairs`, set.images);
  const writer = new PickleWriter();
  writer.list(set.images, (image) => writer.bytes(image));
  writer.list(set.isSame, (same) => writer.bool(same));
  writer.tuple2();
  const bytes = writer.finish();
  await mkdir(path.dirname(file), { recursive: true }).catch((error: unknown) => {
    throw ioError(error, 'create the folder of', file);
  });
  await writeFileAtomically(file, (handle) => handle.writeFile(bytes));
}

function sequence(value: PickleValue): readonly PickleValue[] | null {
  if (value instanceof PickleTuple) return value.items;
  return Array.isArray(value) ? value : null;
}

function booleans(value: PickleValue): boolean[] | null {
  if (value instanceof NumpyArray) {
    if (value.dtype?.kind !== 'bool') return null;
    // Not Array.from(..., test): a byte beyond 1 is damage, not truth.
    return value.data.every((byte) => byte <= 1) ? Array.from(value.data, (byte) => byte === 1) : null;
  }
  const items = sequence(value);
  if (items === null || !items.every((item) => typeof item === 'boolean')) return null;
  return [...items] as boolean[];
}
