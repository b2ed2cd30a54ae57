import fs from 'node:fs';
import path from 'node:path';
import type { Entry } from 'yauzl';
import { KappaError } from '../../errors';
import type { ProgressListener } from '../progress';
import { ZipArchive } from '../../files/zip';
import type { Extraction } from '../../files/zip';

/** Options of {@link unpackLibtorch}. */
export interface UnpackOptions {
  signal?: AbortSignal;
  onProgress?: ProgressListener;
}

const NEEDED = ['lib/', 'include/', 'share/'];
/** What the root may hold besides: the version and the licence texts. */
const ROOT_FILES = ['build-version', 'build-hash', 'LICENSE', 'NOTICE'];

function corrupt(file: string, why: string): KappaError {
  return new KappaError('ERR_DATA_CORRUPT', `${file} is damaged or not trustworthy: ${why}.`);
}

/** Parses a wheel's RECORD: SHA-256 (base64url) by path. */
function parseRecord(text: string): Map<string, string> {
  const hashes = new Map<string, string>();
  for (const line of text.split(/\r?\n/)) {
    const match = /^(?:"((?:[^"]|"")*)"|([^,]*)),sha256=([A-Za-z0-9_-]{43})=*,\d*$/.exec(line);
    if (match?.[3] !== undefined) hashes.set((match[1] ?? match[2] ?? '').replaceAll('""', '"'), match[3]);
  }
  return hashes;
}

function isNeeded(target: string): boolean {
  // libtorch_python needs a Python interpreter; nothing else here does.
  if (/^lib\/(lib)?torch_python\./.test(target)) return false;
  return NEEDED.some((folder) => target.startsWith(folder)) || ROOT_FILES.includes(target);
}

/** Picks LibTorch out of a torch wheel; every file must be in its RECORD, and every file there in the wheel. */
async function pickFromWheel(archive: ZipArchive): Promise<Extraction[]> {
  const names = [...archive.entries.keys()];
  const info = names.map((name) => /^(torch-[^/]+\.dist-info)\/RECORD$/.exec(name)?.[1]).find(Boolean);
  if (info === undefined) throw corrupt(archive.file, 'it is not a torch wheel (it has no RECORD)');
  const record = parseRecord(await archive.readText(archive.entries.get(`${info}/RECORD`) as Entry));
  const files: Extraction[] = [];
  const licences = [`${info}/licenses/`, `${info}/`].flatMap((folder) =>
    ['LICENSE', 'NOTICE'].map((name) => [folder + name, name] as const),
  );
  const targets = new Map<string, string>(licences);
  for (const [name, entry] of archive.entries) {
    const target = targets.get(name) ?? (name.startsWith('torch/') ? name.slice(6) : '');
    if (!isNeeded(target)) continue;
    const sha256 = record.get(name);
    if (sha256 === undefined) throw corrupt(archive.file, `${JSON.stringify(name)} is not in its RECORD`);
    files.push({ entry, target, sha256 });
  }
  for (const name of record.keys())
    if (name.startsWith('torch/') && isNeeded(name.slice(6)) && !archive.entries.has(name))
      throw corrupt(archive.file, `${JSON.stringify(name)} of its RECORD is missing`);
  return files;
}

/** Picks LibTorch out of an official zip, whose single folder is `libtorch`. */
function pickFromZip(archive: ZipArchive): Extraction[] {
  const files: Extraction[] = [];
  for (const [name, entry] of archive.entries) {
    const target = name.startsWith('libtorch/') ? name.slice('libtorch/'.length) : '';
    if (isNeeded(target)) files.push({ entry, target });
  }
  return files;
}

/**
 * Throws unless the file system of `folder` has room for `bytes`.
 *
 * @throws KappaError `ERR_IO` that tells how much is needed and how much there is
 */
export function checkSpace(folder: string, bytes: number): void {
  const { bavail, bsize } = fs.statfsSync(folder);
  const free = bavail * bsize;
  if (free >= bytes) return;
  const gigabytes = (count: number): string => `${(count / 1e9).toFixed(1)} GB`;
  throw new KappaError(
    'ERR_IO',
    `Not enough disk space in ${folder}: ${gigabytes(bytes)} needed, ${gigabytes(free)} free. ` +
      `Free some space or set KAPPA_CACHE to a folder on another disk.`,
  );
}

/**
 * Unpacks the C++ part of a torch wheel (`.whl`), or an official LibTorch zip, as `lib`, `include` and `share`.
 * A wheel's files are checked against the hashes in its RECORD on the way; a zip must have been checked as a whole.
 *
 * @param file the archive
 * @param destination folder to fill; created
 * @throws KappaError `ERR_DATA_CORRUPT`, `ERR_IO`, `ERR_CANCELLED`
 */
export async function unpackLibtorch(
  file: string,
  destination: string,
  options: UnpackOptions = {},
): Promise<void> {
  const archive = await ZipArchive.open(file);
  try {
    const files = file.endsWith('.whl') ? await pickFromWheel(archive) : pickFromZip(archive);
    if (files.length === 0) throw corrupt(file, 'it holds no LibTorch');
    const total = files.reduce((sum, { entry }) => sum + entry.uncompressedSize, 0);
    fs.mkdirSync(destination, { recursive: true });
    checkSpace(path.dirname(destination), total);
    const onBytes = (done: number): void => options.onProgress?.({ phase: 'unpack', done, total });
    await archive.extract(files, destination, { signal: options.signal, onBytes });
  } finally {
    archive.close();
  }
}
