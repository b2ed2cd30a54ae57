import { createHash } from 'node:crypto';
import fs from 'node:fs';
import path from 'node:path';
import { Transform } from 'node:stream';
import type { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import yauzl from 'yauzl';
import { ioError, KappaError, messageOf } from '../errors';

/** One file of an archive and where to put it. */
export interface Extraction {
  entry: yauzl.Entry;
  /** Path below the destination, with forward slashes. */
  target: string;
  /** Expected SHA-256 as base64url without padding (as a wheel's RECORD writes it). */
  sha256?: string;
}

/** Options of {@link ZipArchive.extract}. */
export interface ExtractOptions {
  /** Called with the number of bytes written so far. */
  onBytes?: (bytes: number) => void;
  signal?: AbortSignal;
}

const FILE_TYPE_MASK = 0o170000;
const SYMBOLIC_LINK = 0o120000;
/** Files up to this size are written in one go. */
const SMALL = 1 << 20;

function corrupt(file: string, why: string): KappaError {
  return new KappaError(
    'ERR_DATA_CORRUPT',
    `The archive ${file} is damaged or not trustworthy: ${why}. Delete it and fetch it again.`,
  );
}

/** A zip archive, read strictly: no links, no names that lead out of the destination, no name twice. */
export class ZipArchive {
  private constructor(
    readonly file: string,
    private readonly zip: yauzl.ZipFile,
    /** Every file of the archive by name; folders are left out. */
    readonly entries: ReadonlyMap<string, yauzl.Entry>,
  ) {}

  /**
   * Opens an archive and reads its directory.
   *
   * @throws KappaError `ERR_DATA_CORRUPT` where it is not a zip, is truncated or holds forbidden names
   */
  static async open(file: string): Promise<ZipArchive> {
    const zip = await new Promise<yauzl.ZipFile>((resolve, reject) => {
      yauzl.open(file, { lazyEntries: true, autoClose: false, strictFileNames: true }, (error, opened) => {
        if (!error) resolve(opened);
        else if ((error as NodeJS.ErrnoException).code) reject(ioError(error, 'open', file));
        else reject(corrupt(file, error.message));
      });
    });
    try {
      const entries = await new Promise<Map<string, yauzl.Entry>>((resolve, reject) => {
        const found = new Map<string, yauzl.Entry>();
        zip.on('entry', (entry: yauzl.Entry) => {
          const name = entry.fileName;
          if (((entry.externalFileAttributes >>> 16) & 0xffff & FILE_TYPE_MASK) === SYMBOLIC_LINK)
            reject(corrupt(file, `it holds a symbolic link, ${JSON.stringify(name)}`));
          else if (found.has(name)) reject(corrupt(file, `it holds ${JSON.stringify(name)} twice`));
          else {
            if (!name.endsWith('/')) found.set(name, entry);
            zip.readEntry();
          }
        });
        zip.on('end', () => resolve(found));
        zip.on('error', (error: Error) => reject(corrupt(file, error.message)));
        zip.readEntry();
      });
      return new ZipArchive(file, zip, entries);
    } catch (error) {
      zip.close();
      throw error;
    }
  }

  close(): void {
    this.zip.close();
  }

  /** Reads one small file of the archive as text. */
  async readText(entry: yauzl.Entry): Promise<string> {
    return (await this.readAll(entry)).toString('utf8');
  }

  /**
   * Writes files below `destination`, which must not hold them yet, and checks their hashes on the way.
   *
   * @throws KappaError `ERR_DATA_CORRUPT` for a wrong size, checksum or hash; `ERR_IO`; `ERR_CANCELLED`
   */
  async extract(
    files: readonly Extraction[],
    destination: string,
    options: ExtractOptions = {},
  ): Promise<void> {
    const { onBytes, signal } = options;
    const base = path.resolve(destination);
    const folders = new Set<string>();
    let bytes = 0;
    for (const { entry, target, sha256 } of files) {
      if (signal?.aborted) throw new KappaError('ERR_CANCELLED', `Unpacking ${this.file} was cancelled.`);
      const output = path.resolve(base, target);
      // The reader refuses such names already; a second look costs nothing.
      if (!output.startsWith(base + path.sep))
        throw corrupt(this.file, `${JSON.stringify(entry.fileName)} leads out of the destination`);
      const folder = path.dirname(output);
      try {
        if (!folders.has(folder)) fs.mkdirSync(folder, { recursive: true });
        folders.add(folder);
        const digest =
          entry.uncompressedSize <= SMALL
            ? await this.writeSmall(entry, output)
            : await this.writeLarge(entry, output, signal, (count) => onBytes?.(bytes + count));
        if (sha256 !== undefined && digest !== sha256)
          throw corrupt(
            this.file,
            `${JSON.stringify(entry.fileName)} has SHA-256 ${digest}, expected ${sha256}`,
          );
      } catch (error) {
        throw this.explain(error, output, signal);
      }
      bytes += entry.uncompressedSize;
      onBytes?.(bytes);
    }
  }

  private explain(error: unknown, output: string, signal: AbortSignal | undefined): KappaError {
    if (error instanceof KappaError) return error;
    if (signal?.aborted) return new KappaError('ERR_CANCELLED', `Unpacking ${this.file} was cancelled.`);
    const { code, syscall } = error as NodeJS.ErrnoException;
    // Errors of the disk name a system call; those of the decompressor do not.
    if (code !== undefined && syscall !== undefined) return ioError(error, 'write', output);
    return corrupt(this.file, messageOf(error));
  }

  private openStream(entry: yauzl.Entry): Promise<Readable> {
    return new Promise((resolve, reject) => {
      this.zip.openReadStream(entry, (error, stream) => {
        if (error) reject(corrupt(this.file, error.message));
        else resolve(stream);
      });
    });
  }

  private async readAll(entry: yauzl.Entry): Promise<Buffer> {
    const chunks: Buffer[] = [];
    try {
      for await (const chunk of await this.openStream(entry)) chunks.push(chunk as Buffer);
    } catch (error) {
      throw this.explain(error, this.file, undefined);
    }
    return Buffer.concat(chunks);
  }

  private async writeSmall(entry: yauzl.Entry, output: string): Promise<string> {
    const content = await this.readAll(entry);
    fs.writeFileSync(output, content, { flag: 'wx' });
    return createHash('sha256').update(content).digest('base64url');
  }

  private async writeLarge(
    entry: yauzl.Entry,
    output: string,
    signal: AbortSignal | undefined,
    onCount: (bytes: number) => void,
  ): Promise<string> {
    const hash = createHash('sha256');
    let count = 0;
    const meter = new Transform({
      transform(chunk: Buffer, _encoding, done) {
        hash.update(chunk);
        count += chunk.length;
        onCount(count);
        done(null, chunk);
      },
    });
    const sink = fs.createWriteStream(output, { flags: 'wx' });
    await pipeline(await this.openStream(entry), meter, sink, { signal });
    return hash.digest('base64url');
  }
}
