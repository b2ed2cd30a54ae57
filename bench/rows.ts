import { existsSync, readFileSync } from 'node:fs';

import { writeFileAtomically } from '../lib/files/atomic-file';

export interface BenchOptions {
  /** A minute instead of an hour. */
  quick: boolean;
  /** Only cases whose name holds this text. */
  only: string;
  /** What is measured, in the benchmarks of a GPU. */
  device: string;
  /** Seconds after which no further case is begun, in the benchmarks of a GPU: what is rented is paid by the minute. */
  seconds: number;
  /** What has been measured so far. */
  rows: BenchRows;
}

/** A measured case beside a peer; figures of one run, for machines differ and drift. */
export interface BenchRow {
  bench: string;
  case: string;
  dtype: string;
  /** Median seconds of ours. */
  seconds: number;
  peer: string;
  peerSeconds: number | null;
  /** peerSeconds / seconds: above 1 is faster than the peer. */
  ratio: number | null;
  /** Seconds that the machine itself needs for the least possible work. */
  limitSeconds: number | null;
  /** limitSeconds / seconds. */
  shareOfLimit: number | null;
  peakExtraBytes: number | null;
  peerPeakExtraBytes: number | null;
  /** Seconds of processor time, all threads and children together: hardly changed by what else a machine does. */
  cpuSeconds?: number;
  peerCpuSeconds?: number;
  /** Why a peer has no figure, or what it stands for. */
  note?: string;
}

function number(value: number | null, digits: number): string {
  return value === null ? '-' : value.toFixed(digits);
}

function megabytes(value: number | null): string {
  return value === null ? '-' : (value / 1e6).toFixed(0);
}

/** Prints rows as a table for the terminal and for Markdown. */
export function printRows(rows: readonly BenchRow[]): void {
  const head = [
    'case',
    'dtype',
    's',
    'peer',
    'peer s',
    'ratio',
    'limit s',
    'of limit',
    'MB',
    'peer MB',
    'cpu s',
    'peer cpu s',
  ];
  const body = rows.map((row) => [
    row.case,
    row.dtype,
    number(row.seconds, 4),
    row.peer,
    [row.peerSeconds?.toFixed(4), row.note].filter(Boolean).join(', '),
    number(row.ratio, 2),
    number(row.limitSeconds, 4),
    row.shareOfLimit === null ? '-' : `${(100 * row.shareOfLimit).toFixed(0)}%`,
    megabytes(row.peakExtraBytes),
    megabytes(row.peerPeakExtraBytes),
    number(row.cpuSeconds ?? null, 2),
    number(row.peerCpuSeconds ?? null, 2),
  ]);
  const widths = head.map((name, i) => Math.max(name.length, ...body.map((row) => row[i]?.length ?? 0)));
  const line = (cells: string[]): string =>
    `| ${cells.map((cell, i) => cell.padEnd(widths[i] ?? 0)).join(' | ')} |`;
  console.log(line(head));
  console.log(line(widths.map((width) => '-'.repeat(width))));
  for (const cells of body) console.log(line(cells));
}

/** The rows of a run, kept in a file as they come, so that a run that was interrupted can go on. */
export class BenchRows {
  readonly #file: string | undefined;
  readonly #rows: BenchRow[] = [];

  /**
   * @param file where to keep the rows as JSON
   * @param resume take the rows that are in the file already
   */
  constructor(file: string | undefined, resume: boolean) {
    this.#file = file;
    if (resume && file !== undefined && existsSync(file))
      this.#rows = JSON.parse(readFileSync(file, 'utf8')) as BenchRow[];
  }

  get all(): readonly BenchRow[] {
    return this.#rows;
  }

  /** Whether a case has been measured already: beside this peer, or beside any. */
  has(name: string, dtype: string, peer?: string): boolean {
    return this.#rows.some(
      (row) => row.case === name && row.dtype === dtype && (peer === undefined || row.peer === peer),
    );
  }

  /** Adds rows, and keeps them at once. */
  async add(...rows: BenchRow[]): Promise<void> {
    this.#rows.push(...rows);
    if (this.#file === undefined) return;
    const text = `${JSON.stringify(this.#rows, undefined, 2)}\n`;
    await writeFileAtomically(this.#file, (file) => file.writeFile(text));
  }
}
