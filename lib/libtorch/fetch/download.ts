import { createHash } from 'node:crypto';
import fs from 'node:fs';
import path from 'node:path';
import { Readable, Transform } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { fileURLToPath } from 'node:url';
import { ioError, KappaError, isError, messageOf } from '../../errors';
import type { ProgressListener } from '../progress';

/** Options of {@link downloadFile}. */
export interface DownloadOptions {
  signal?: AbortSignal;
  onProgress?: ProgressListener;
}

function unreachable(url: string, why: string, cause?: unknown): KappaError {
  return new KappaError('ERR_LIBTORCH_NOT_FOUND', `${url} could not be fetched: ${why}`, { cause });
}

/** The innermost reason of a failed fetch, which hides it as the cause of "fetch failed". */
function innermost(error: unknown): string {
  let current = error;
  while (isError(current) && current.cause !== undefined) current = current.cause;
  if (isError(current) && 'errors' in current && Array.isArray(current.errors) && current.errors.length > 0)
    current = current.errors[0];
  return messageOf(current);
}

async function open(url: string, signal?: AbortSignal): Promise<{ body: Readable; total?: number }> {
  if (url.startsWith('file:')) {
    const file = fileURLToPath(url);
    const total = (await fs.promises.stat(file)).size;
    return { body: fs.createReadStream(file), total };
  }
  const response = await fetch(url, { signal, redirect: 'follow' });
  if (!response.ok || response.body === null) {
    await response.body?.cancel();
    throw unreachable(url, `the server answered ${response.status} ${response.statusText}`.trim());
  }
  const length = Number(response.headers.get('content-length') ?? NaN);
  return {
    body: Readable.fromWeb(response.body as Parameters<typeof Readable.fromWeb>[0]),
    total: Number.isFinite(length) ? length : undefined,
  };
}

/**
 * Fetches a file (http, https or file) into a folder.
 *
 * @returns its path and its SHA-256 in hex
 * @throws KappaError `ERR_LIBTORCH_NOT_FOUND` where the address does not answer, `ERR_IO`, `ERR_CANCELLED`
 */
export async function downloadFile(
  url: string,
  folder: string,
  options: DownloadOptions = {},
): Promise<{ file: string; sha256: string }> {
  const { signal, onProgress } = options;
  const file = path.join(folder, path.basename(decodeURIComponent(new URL(url).pathname)) || 'download');
  const hash = createHash('sha256');
  let done = 0;
  try {
    const { body, total } = await open(url, signal);
    const meter = new Transform({
      transform(chunk: Buffer, _encoding, next) {
        hash.update(chunk);
        done += chunk.length;
        onProgress?.({ phase: 'download', done, total });
        next(null, chunk);
      },
    });
    await pipeline(body, meter, fs.createWriteStream(file, { flags: 'wx' }), { signal });
    if (total !== undefined && done !== total)
      throw unreachable(url, `the connection broke after ${done} of ${total} bytes`);
  } catch (error) {
    if (error instanceof KappaError) throw error;
    if (signal?.aborted) throw new KappaError('ERR_CANCELLED', `Fetching ${url} was cancelled.`);
    const { syscall, path: where } = error as NodeJS.ErrnoException;
    if (syscall !== undefined && where === file) throw ioError(error, 'write', file);
    throw unreachable(url, innermost(error), error);
  }
  return { file, sha256: hash.digest('hex') };
}

/**
 * The checksum that a server keeps beside a file (`URL.sha256`).
 *
 * @returns undefined where there is none
 */
export async function publishedChecksum(url: string, signal?: AbortSignal): Promise<string | undefined> {
  try {
    const { body } = await open(`${url}.sha256`, signal);
    let text = '';
    for await (const chunk of body) if (text.length < 4096) text += String(chunk);
    return /^\s*([0-9a-fA-F]{64})\b/.exec(text)?.[1]?.toLowerCase();
  } catch {
    return undefined;
  }
}
