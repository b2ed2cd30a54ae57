import { readFile, stat } from 'node:fs/promises';
import { crc32 } from 'node:zlib';
import { ioError } from '../../errors';
import { writeFileAtomically } from '../../files/atomic-file';

const MAGIC = 'kappa-index 1\n';

/** The sidecar file that remembers the labels of a record file, so that they are scanned only once. */
export function labelCachePath(recPath: string): string {
  return `${recPath}.kappa-index`;
}

/** What the record file and its index were when their labels were read: sizes and times of change. */
export async function datasetStamp(recPath: string, idxPath: string): Promise<string> {
  try {
    const stats = await Promise.all([stat(recPath), stat(idxPath)]);
    return stats.map(({ size, mtimeMs }) => `${size} ${mtimeMs}`).join(' ');
  } catch (error) {
    throw ioError(error, 'read', recPath);
  }
}

/** The remembered labels, or undefined where there are none for just these files; a damaged cache counts as none. */
export async function readLabelCache(
  recPath: string,
  stamp: string,
  count: number,
): Promise<Int32Array | undefined> {
  const bytes = await readFile(labelCachePath(recPath)).catch(() => undefined);
  const head = Buffer.from(`${MAGIC}${stamp}\n`);
  if (bytes?.length !== head.length + 4 + 4 * count || !bytes.subarray(0, head.length).equals(head))
    return undefined;
  const body = bytes.subarray(head.length + 4);
  if (crc32(body) !== bytes.readUInt32LE(head.length)) return undefined;
  const labels = new Int32Array(count);
  for (let i = 0; i < count; i++) labels[i] = body.readInt32LE(4 * i);
  // A scan yields no other labels, whatever the checksum says.
  return labels.every((label) => label >= 0) ? labels : undefined;
}

/** Remembers labels. That it cannot (a read-only or full disk) costs time at the next start, nothing else. */
export async function writeLabelCache(recPath: string, stamp: string, labels: Int32Array): Promise<void> {
  const body = Buffer.alloc(4 * labels.length);
  labels.forEach((label, i) => body.writeInt32LE(label, 4 * i));
  const check = Buffer.alloc(4);
  check.writeUInt32LE(crc32(body));
  await writeFileAtomically(labelCachePath(recPath), (file) =>
    file.writeFile(Buffer.concat([Buffer.from(`${MAGIC}${stamp}\n`), check, body])),
  ).catch(() => undefined);
}
