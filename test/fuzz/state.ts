import { mkdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import path from 'node:path';

/** An input that must not be answered as it was. */
export interface Finding {
  readonly index: number;
  readonly kind: 'answer' | 'crash' | 'hang' | 'memory';
  readonly what: string;
  /** The file that holds the input. */
  readonly file: string;
}

/** Where a campaign stands; saved now and then, so that it can go on. */
export interface CampaignState {
  readonly target: string;
  readonly seed: number;
  /** The number of inputs that are done. */
  next: number;
  /** Inputs kept as seeds, in base64. */
  kept: string[];
  signatures: string[];
  /** How often each answer came: `ok`, or a code. */
  answers: Record<string, number>;
  findings: Finding[];
  /** Inputs that ended the process and are passed over. */
  skip: number[];
  slowest: { index: number; milliseconds: number };
  /** Largest resident size in MiB. */
  peakMiB: number;
}

export function newState(target: string, seed: number): CampaignState {
  return {
    target,
    seed,
    next: 0,
    kept: [],
    signatures: [],
    answers: {},
    findings: [],
    skip: [],
    slowest: { index: 0, milliseconds: 0 },
    peakMiB: 0,
  };
}

const statePath = (folder: string) => path.join(folder, 'state.json');

export function loadState(folder: string): CampaignState | undefined {
  try {
    return JSON.parse(readFileSync(statePath(folder), 'utf8')) as CampaignState;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw error;
  }
}

/** Written aside and renamed: a killed campaign goes on from a whole state. */
export function saveState(folder: string, state: CampaignState): void {
  mkdirSync(folder, { recursive: true });
  writeFileSync(`${statePath(folder)}.partial`, JSON.stringify(state));
  renameSync(`${statePath(folder)}.partial`, statePath(folder));
}

/** Saves an input that led to a finding, and notes it. */
export function addFinding(
  folder: string,
  state: CampaignState,
  finding: Omit<Finding, 'file'>,
  input: Buffer,
): void {
  const file = path.join(folder, `${finding.kind}-${finding.index}.bin`);
  writeFileSync(file, input);
  state.findings.push({ ...finding, file });
}
