import { writeFileSync } from 'node:fs';

export interface BenchOptions {
  /** A minute instead of an hour. */
  quick: boolean;
  /** Only cases whose name holds this text. */
  only: string;
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
  /** Why a peer has no figure. */
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
    row.note ?? number(row.peerSeconds, 4),
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

export function writeRows(file: string, rows: readonly BenchRow[]): void {
  writeFileSync(file, `${JSON.stringify(rows, undefined, 2)}\n`);
}
