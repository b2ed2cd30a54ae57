import { closeSync, fsyncSync, ftruncateSync, openSync, readFileSync, writeSync } from 'node:fs';
import { ioError, KappaError } from '../errors';

/** A line of metrics.jsonl: the step it belongs to and whatever was measured. */
export interface MetricsRecord {
  /** Optimizer steps done since the run's first one. */
  readonly step: number;
  readonly [name: string]: unknown;
}

interface Line {
  readonly step: number;
  readonly isVerification: boolean;
  /** Byte offset behind the line's end. */
  readonly end: number;
}

/**
 * The append-only `metrics.jsonl` of a run: a line of it is whole or absent. What a kill left torn at its end is
 * dropped when it is opened; a line that cannot be written whole (a full disk) is taken back. Numbers that are not
 * finite become `null`.
 */
export class MetricsLog {
  readonly path: string;
  #file: number | undefined;
  #lines: Line[];

  private constructor(path: string, file: number, lines: Line[]) {
    this.path = path;
    this.#file = file;
    this.#lines = lines;
  }

  /**
   * Opens a log to append to it; it is created if it is not there.
   *
   * @throws KappaError ERR_IO; ERR_DATA_CORRUPT if a line before the last is damaged
   */
  static open(path: string): MetricsLog {
    let file: number | undefined;
    try {
      // In append mode a line goes to the end of the file, also after it was shortened.
      file = openSync(path, 'a+');
      const lines = parseLines(readFileSync(path), path);
      ftruncateSync(file, lines.at(-1)?.end ?? 0);
      return new MetricsLog(
        path,
        file,
        lines.map(({ record, end }) => lineOf(record, end)),
      );
    } catch (error) {
      if (file !== undefined) closeSync(file);
      throw ioError(error, 'open the metrics', path);
    }
  }

  /**
   * Appends a line.
   *
   * @throws KappaError ERR_IO; the log is as before then
   */
  append(record: MetricsRecord): void {
    const file = this.#openFile();
    const bytes = Buffer.from(`${JSON.stringify(record)}\n`);
    const start = this.#lines.at(-1)?.end ?? 0;
    try {
      for (let written = 0; written < bytes.length;) written += writeSync(file, bytes, written);
    } catch (error) {
      ftruncateSync(file, start);
      throw ioError(error, 'write the metrics', this.path);
    }
    this.#lines.push(lineOf(record, start + bytes.length));
  }

  /**
   * Drops everything from the first line of a step beyond the given one, as a run does that is resumed there.
   *
   * @param step the last step whose lines stay
   * @param verified false: a verification of that step does not stay, because it will be made anew
   * @throws KappaError ERR_IO
   */
  truncateAfter(step: number, verified = true): void {
    const file = this.#openFile();
    const first = this.#lines.findIndex(
      (line) => line.step > step || (!verified && line.step === step && line.isVerification),
    );
    if (first < 0) return;
    const kept = this.#lines.slice(0, first);
    try {
      ftruncateSync(file, kept.at(-1)?.end ?? 0);
    } catch (error) {
      throw ioError(error, 'shorten the metrics', this.path);
    }
    this.#lines = kept;
  }

  /** Waits until the disk has every line. */
  sync(): void {
    try {
      fsyncSync(this.#openFile());
    } catch (error) {
      throw ioError(error, 'sync the metrics', this.path);
    }
  }

  /** Closes the file. May be called twice. */
  close(): void {
    if (this.#file !== undefined) closeSync(this.#file);
    this.#file = undefined;
  }

  #openFile(): number {
    if (this.#file === undefined)
      throw new KappaError('ERR_DISPOSED', `The metrics log ${this.path} was used after it was closed.`);
    return this.#file;
  }
}

/**
 * Reads the records of a metrics.jsonl, also while it is being written: a torn last line is left out.
 *
 * @throws KappaError ERR_IO; ERR_DATA_CORRUPT if a line before the last is damaged
 */
export function readMetrics(path: string): MetricsRecord[] {
  let bytes: Buffer;
  try {
    bytes = readFileSync(path);
  } catch (error) {
    throw ioError(error, 'read the metrics', path);
  }
  return parseLines(bytes, path).map(({ record }) => record);
}

function lineOf(record: MetricsRecord, end: number): Line {
  return { step: record.step, isVerification: 'verification' in record, end };
}

function parseLines(bytes: Buffer, path: string): { record: MetricsRecord; end: number }[] {
  const lines: { record: MetricsRecord; end: number }[] = [];
  for (let start = 0; start < bytes.length;) {
    const end = bytes.indexOf(0x0a, start) + 1;
    if (end === 0) break;
    const record = parseRecord(bytes.toString('utf8', start, end));
    if (record === undefined) {
      // A crash of the machine may leave zeros at the end of the file; anything behind them is a real damage.
      if (end === bytes.length) break;
      throw new KappaError(
        'ERR_DATA_CORRUPT',
        `Line ${lines.length + 1} (byte ${start}) of the metrics ${path} is damaged: expected a JSON object with a ` +
          `whole number "step". Remove the line or the file and run again.`,
      );
    }
    lines.push({ record, end });
    start = end;
  }
  return lines;
}

function parseRecord(text: string): MetricsRecord | undefined {
  try {
    const value: unknown = JSON.parse(text);
    if (typeof value !== 'object' || value === null || !('step' in value)) return undefined;
    return Number.isInteger(value.step) ? (value as MetricsRecord) : undefined;
  } catch {
    return undefined;
  }
}
