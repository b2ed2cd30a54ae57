import { mkdir, readFile, readdir, stat } from 'node:fs/promises';
import path from 'node:path';
import { KappaError, argumentError, ioError } from '../../errors';
import { refuseStranger } from '../../files/strangers';
import { imageFormat } from '../../image/format';
import { dialectOfMagic } from '../recordio/dialect';
import { writeFileAtomically } from '../../files/atomic-file';
import { PickleWriter } from '../../pickle/writer';
import { NumpyArray, PickleText, PickleTuple, type PickleValue } from '../../pickle/values';
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

/**
 * The verification sets that files and folders stand for: of a folder, all its .bin files, by name.
 * @throws KappaError ERR_DATA_NOT_FOUND for a folder without any, ERR_IO
 */
export async function listSets(targets: readonly string[]): Promise<string[]> {
  const files: string[] = [];
  for (const target of targets) {
    if (!(await stat(target).catch(() => undefined))?.isDirectory()) {
      files.push(target);
      continue;
    }
    const names = await readdir(target).catch((error: unknown) => {
      throw ioError(error, 'read', target);
    });
    const sets = names.filter((name) => name.endsWith('.bin')).sort();
    if (sets.length === 0)
      throw new KappaError(
        'ERR_DATA_NOT_FOUND',
        `The folder ${target} has no verification set: none of its files ends with .bin.`,
      );
    files.push(...sets.map((name) => path.join(target, name)));
  }
  return files;
}

/** Parses the bytes of a verification set; the images are views of them. @param file names the file in errors. */
export function parseVerificationSet(bytes: Buffer, file: string): VerificationSet {
  const corrupt = (why: string) =>
    new KappaError('ERR_DATA_CORRUPT', `${file}: not a verification set: ${why}.`);
  refuseStranger(bytes, file, 'a verification set');
  if (bytes.length >= 4 && dialectOfMagic(bytes.readUInt32LE(0)))
    throw corrupt('it is a RecordIO file, as training sets are');
  const image = imageFormat(bytes);
  if (image !== undefined) throw corrupt(`it is a single ${image.toUpperCase()} image`);
  const whole = unpickle(bytes, file);
  const parts = sequence(whole);
  if (parts?.length !== 2)
    throw corrupt(
      `expected a pair (images, issame), found ${parts ? `${parts.length} elements` : describe(whole)}`,
    );
  const bins = sequence(parts[0]!);
  if (bins === null)
    throw corrupt(`expected a list of encoded images as the first element, found ${describe(parts[0]!)}`);
  const isSame = answers(parts[1]!, corrupt);
  if (bins.length % 2 !== 0)
    throw corrupt(`it has ${bins.length} images, an odd number, but pairs were expected`);
  if (bins.length !== 2 * isSame.length)
    throw corrupt(`it has ${bins.length} images but ${isSame.length} answers: each answer needs two images`);
  if (isSame.length === 0) throw corrupt('it holds no pairs');
  const images = bins.map((value, i) => {
    const image = value instanceof NumpyArray && value.dtype?.isBytes ? value.data : value;
    if (!Buffer.isBuffer(image)) throw corrupt(`image ${i} is not made of bytes but ${describe(value)}`);
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
  if (value instanceof NumpyArray && value.dtype?.kind === 'object') return value.items;
  return Array.isArray(value) ? value : null;
}

/** The answers: booleans, or 0 and 1 in any type of number. Anything else is an error that says what was found. */
function answers(value: PickleValue, corrupt: (why: string) => KappaError): boolean[] {
  const items = sequence(value);
  const array = items === null && value instanceof NumpyArray && value.dtype ? value : null;
  const length = items?.length ?? array?.length;
  if (length === undefined)
    throw corrupt(
      `expected a list or array of booleans (or of 0 and 1) as the second element, found ${describe(value)}`,
    );
  return Array.from({ length }, (_, i) => {
    const answer = items ? items[i]! : array!.at(i);
    if (answer === true || answer === 1) return true;
    if (answer === false || answer === 0) return false;
    const hint = answer === -1 ? '; write different people as 0' : '';
    throw corrupt(`answer ${i} is ${describe(answer)}; expected a boolean, or 0 or 1${hint}`);
  });
}

/** Names a value of a pickle in an error message. */
function describe(value: PickleValue): string {
  if (value === null) return 'None';
  if (typeof value === 'number' || typeof value === 'boolean') return `the ${typeof value} ${value}`;
  if (Buffer.isBuffer(value)) return `${value.length} bytes`;
  if (value instanceof PickleText) return `the text ${JSON.stringify(value.short?.slice(0, 40) ?? '...')}`;
  if (value instanceof PickleTuple) return `a tuple of ${value.items.length}`;
  if (Array.isArray(value)) return `a list of ${value.length}`;
  if (value instanceof NumpyArray) {
    const { kind = 'unknown type', size = 0 } = value.dtype ?? {};
    return `an array of ${value.length} ${kind}${kind === 'bool' || kind === 'object' ? '' : 8 * size}`;
  }
  return 'something else';
}
