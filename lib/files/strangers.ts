import { open } from 'node:fs/promises';
import { KappaError, ioError, type KappaErrorCode } from '../errors';

/** What the beginning of a file says it is, where that is something else than people meant to give. */
export interface Stranger {
  /** With its article: `a Git LFS pointer`. */
  is: string;
  /** What to do about it. */
  advice: string;
}

/** Bytes of a file's beginning that tell. */
export const HEAD_BYTES = 1024;

/** What a file of tensors is called; to others than its own reader it is a stranger. */
export const TENSORS = 'a file of tensors (safetensors)';

const FETCH = 'Fetch the file again, and look at what the server answers';
const UNPACK = 'Unpack it, and name what was in it';
const WEIGHTS =
  'Weights of other programs are not read; kappa eval and loadBackbone take a run of kappa train (runs/NAME)';

/** A kind of file, by the bytes at a place. */
const SIGNATURES: readonly [at: number, bytes: readonly number[] | string, is: string, advice: string][] = [
  [
    0,
    'version https://git-lfs.github.com/',
    'a Git LFS pointer',
    'Fetch the file that it stands for: git lfs pull',
  ],
  [0, '/annex/objects/', 'a git-annex pointer', 'Fetch the file that it stands for: git annex get'],
  [0, [0x80, 2, 0x8a, 0x0a, 0x6c, 0xfc, 0x9c, 0x46, 0xf9, 0x20], 'a checkpoint of PyTorch', WEIGHTS],
  [0, [0x12, 1, 0, 0, 0, 0, 0, 0], 'a file of MXNet parameters', WEIGHTS],
  [1, '\0\0\0TFL3', 'a TensorFlow Lite model', WEIGHTS],
  [0, '\x89HDF\r\n\x1a\n', 'an HDF5 file', WEIGHTS],
  [0, '\x93NUMPY', 'a numpy array (.npy)', 'Write the form that is expected from it'],
  [0, 'PK\x05\x06', 'an empty zip archive', FETCH],
  [0, [0x1f, 0x8b], 'compressed by gzip', UNPACK],
  [4, '1AY&SY', 'compressed by bzip2', UNPACK],
  [0, '\xfd7zXZ\0', 'compressed by xz', UNPACK],
  [0, [0x28, 0xb5, 0x2f, 0xfd], 'compressed by zstd', UNPACK],
  [0, '7z\xbc\xaf\x27\x1c', 'a 7-Zip archive', UNPACK],
  [0, 'Rar!\x1a\x07', 'a RAR archive', UNPACK],
  [257, 'ustar', 'a tar archive', UNPACK],
  [0, 'SQLite format 3\0', 'an SQLite database', 'Export from it what is expected'],
  [
    16,
    [0xde, 0xc0, 0xef, 0xbe],
    'an LMDB database',
    'Export its images to files, and pack these with kappa data pack',
  ],
  [0, 'PAR1\x15', 'a Parquet file', 'Export its images to files, and pack these with kappa data pack'],
  [0, '%PDF-', 'a PDF document', FETCH],
  [0, '\x7fELF', 'a program', FETCH],
];

/** What a file is that begins with these bytes, where that is known and something else than text or a format of ours. */
export function stranger(head: Uint8Array): Stranger | undefined {
  const bytes = Buffer.from(head.buffer, head.byteOffset, Math.min(head.length, HEAD_BYTES));
  const text = bytes.toString('latin1');
  for (const [at, signature, is, advice] of SIGNATURES) {
    const wanted = typeof signature === 'string' ? signature : String.fromCharCode(...signature);
    if (text.startsWith(wanted, at)) return { is, advice };
  }
  return zip(text) ?? page(text) ?? safetensors(bytes, text) ?? onnx(bytes) ?? zeros(bytes);
}

/** The error of a file that is something else. @param expected with its article: `a verification set` */
export function strangerError(
  file: string,
  found: Stranger,
  expected: string,
  code: KappaErrorCode = 'ERR_DATA_CORRUPT',
): KappaError {
  return new KappaError(code, `${file} is ${found.is}, not ${expected}. ${found.advice}.`);
}

/** @throws KappaError ERR_DATA_CORRUPT where a file that begins with these bytes is known to be something else */
export function refuseStranger(head: Uint8Array, file: string, expected: string): void {
  const found = stranger(head);
  if (found !== undefined) throw strangerError(file, found, expected);
}

/** The first bytes of a file. @throws KappaError ERR_IO */
export async function readHead(file: string): Promise<Buffer> {
  try {
    const handle = await open(file, 'r');
    try {
      const head = Buffer.alloc(HEAD_BYTES);
      const { bytesRead } = await handle.read(head, 0, HEAD_BYTES, 0);
      return head.subarray(0, bytesRead);
    } finally {
      await handle.close();
    }
  } catch (error) {
    throw ioError(error, 'read', file);
  }
}

function zip(text: string): Stranger | undefined {
  if (!text.startsWith('PK\x03\x04')) return undefined;
  const first = text.slice(30, 30 + text.charCodeAt(26) + 256 * text.charCodeAt(27));
  if (/^[^/]+\/(data\.pkl|\.format_version|\.storage_alignment|byteorder|version|data\/)/.test(first))
    return { is: 'a checkpoint of PyTorch', advice: WEIGHTS };
  if (first.endsWith('.npy'))
    return { is: 'a numpy archive (.npz)', advice: 'Write the form that is expected from it' };
  return { is: 'a zip archive', advice: UNPACK };
}

/** A page or an answer of a server that was saved in place of a file. */
function page(text: string): Stranger | undefined {
  const start = text
    .replace(/^\xef\xbb\xbf/, '')
    .trimStart()
    .slice(0, 200)
    .toLowerCase();
  if (/^(<!doctype html|<html|<head|<body|<script|<!--)/.test(start))
    return {
      is: 'a web page',
      advice: 'The address led to a page (a login, a confirmation, an error): download the file itself again',
    };
  if (/^<\?xml|^<error>/.test(start)) return { is: 'XML text', advice: FETCH };
  return undefined;
}

function safetensors(bytes: Buffer, text: string): Stranger | undefined {
  if (bytes.length < 16 || text[8] !== '{' || !/^\{\s*"/.test(text.slice(8))) return undefined;
  if (bytes.readUInt32LE(4) !== 0 || bytes.readUInt32LE(0) > 100_000_000) return undefined;
  return { is: TENSORS, advice: WEIGHTS };
}

/** A model in ONNX: the version of its form, then the name of its producer or the next field. */
function onnx(bytes: Buffer): Stranger | undefined {
  if (bytes.length < 16 || bytes[0] !== 0x08 || !(bytes[1]! >= 1 && bytes[1]! <= 32)) return undefined;
  const length = bytes[3]!;
  const name = bytes.toString('latin1', 4, Math.min(4 + length, bytes.length));
  const isNamed = bytes[2] === 0x12 && length > 0 && length < 128 && /^[\x20-\x7e]+$/.test(name);
  return isNamed || bytes[2] === 0x3a ? { is: 'an ONNX model', advice: WEIGHTS } : undefined;
}

/** A download that was given its size, but not its content. */
function zeros(bytes: Buffer): Stranger | undefined {
  if (bytes.length < 64 || !bytes.every((byte) => byte === 0)) return undefined;
  return {
    is: 'a file that begins with zeros',
    advice: 'Its download or copy was interrupted: fetch it again',
  };
}
