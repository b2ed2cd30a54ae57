import { mkdirSync, readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import path from 'node:path';
import { setImmediate as yieldToEvents } from 'node:timers/promises';
import { InputGenerator } from './generator';
import { Mailbox, mailboxIn } from './mailbox';
import { judge, type Outcome } from './outcome';
import { addFinding, loadState, newState, saveState } from './state';
import type { FuzzTarget, Parse } from './target';

const SAVE_EVERY_MS = 10_000;
const YIELD_EVERY = 64;
const MAX_SIGNATURES = 4096;
const MAX_FINDINGS = 20;
// One small input that makes the process grow by this much asks for more than it holds.
const MAX_GROWTH_MIB = 256;
const MAX_RESIDENT_MIB = 1536;
const SUSPICIOUS_MS = 5;
const LOOK_EVERY = 64;

/** What a worker is told, as JSON in its last argument. */
export interface WorkerTask {
  /** Module that exports `targets`. */
  readonly targets: string;
  readonly target: string;
  readonly seed: number;
  readonly inputs: number;
  readonly folder: string;
  /** Where inputs are left, and where the parser's files may be. */
  readonly scratch: string;
  /** Parse this one input and nothing else. */
  readonly replay?: string;
}

/**
 * Most memory that this process ever had resident. Linux counts into a process's resource usage what its parent had
 * when it was made, so that its own status is asked there.
 */
function peakMiB(): number {
  if (process.platform !== 'linux') return process.resourceUsage().maxRSS / 1024;
  return Number(/^VmHWM:\s+(\d+) kB/m.exec(readFileSync('/proc/self/status', 'utf8'))?.[1]) / 1024;
}

function openTarget(target: FuzzTarget, { scratch }: WorkerTask): Parse {
  const files = path.join(scratch, 'files');
  mkdirSync(files, { recursive: true });
  return target.open(files);
}

async function fuzz(target: FuzzTarget, task: WorkerTask): Promise<void> {
  const { folder, seed, inputs } = task;
  const state = loadState(folder) ?? newState(target.name, seed);
  const generator = await InputGenerator.create(
    target,
    seed,
    state.kept.map((text) => Buffer.from(text, 'base64')),
  );
  const signatures = new Set(state.signatures);
  const skip = new Set(state.skip);
  const complaints = new Set<string>();
  const parse = openTarget(target, task);
  const mailbox = new Mailbox(mailboxIn(task.scratch));

  const save = (next: number) => {
    state.next = next;
    state.kept = generator.kept.map((input) => input.toString('base64'));
    state.signatures = [...signatures];
    state.peakMiB = Math.round(Math.max(state.peakMiB, peakMiB()));
    saveState(folder, state);
  };
  const complain = (
    kind: 'answer' | 'memory',
    index: number,
    input: Buffer,
    what: string,
    signature: string,
  ) => {
    if (complaints.has(signature) || state.findings.length >= MAX_FINDINGS) return;
    complaints.add(signature);
    addFinding(folder, state, { index, kind, what }, input);
  };
  const note = (index: number, input: Buffer, { answer, signature, complaint }: Outcome) => {
    state.answers[answer] = (state.answers[answer] ?? 0) + 1;
    if (complaint !== undefined) complain('answer', index, input, complaint, signature);
    else if (!signatures.has(signature) && signatures.size < MAX_SIGNATURES) {
      signatures.add(signature);
      generator.keep(input);
    }
  };

  const parent = process.ppid;
  let saved = performance.now();
  let peak = peakMiB();
  for (let index = state.next; index < inputs; index++) {
    if (index % YIELD_EVERY === 0) await yieldToEvents(); // native memory is given back between events only
    if (process.ppid !== parent) return; // nobody watches any more
    if (performance.now() - saved > SAVE_EVERY_MS) {
      save(index);
      saved = performance.now();
    }
    if (skip.has(index)) continue;
    const input = generator.input(index);
    mailbox.put(index, input);
    const before = performance.now();
    note(index, input, await judge(target, parse, input));
    const milliseconds = performance.now() - before;
    if (milliseconds > state.slowest.milliseconds) state.slowest = { index, milliseconds };
    // To ask is dear under load; an input that fills so much memory takes its time.
    if (milliseconds < SUSPICIOUS_MS && index % LOOK_EVERY > 0) continue;
    const now = peakMiB();
    if (now > peak + MAX_GROWTH_MIB)
      complain('memory', index, input, `the process grew by ${Math.round(now - peak)} MiB`, 'growth');
    peak = now;
    if (peak > MAX_RESIDENT_MIB) {
      complain('memory', index, input, `the process has grown to ${Math.round(peak)} MiB`, 'resident');
      save(index + 1);
      return;
    }
  }
  mailbox.close();
  save(inputs);
}

async function replay(target: FuzzTarget, task: WorkerTask, input: Buffer): Promise<void> {
  const mailbox = new Mailbox(mailboxIn(task.scratch));
  const parse = openTarget(target, task);
  const state = newState(target.name, task.seed);
  const before = peakMiB();
  mailbox.put(0, input);
  const { answer, signature, complaint } = await judge(target, parse, input);
  state.answers[answer] = 1;
  state.signatures.push(signature);
  const grown = Math.round(peakMiB() - before);
  if (complaint !== undefined)
    addFinding(task.folder, state, { index: 0, kind: 'answer', what: complaint }, input);
  if (grown > MAX_GROWTH_MIB)
    addFinding(
      task.folder,
      state,
      { index: 0, kind: 'memory', what: `the process grew by ${grown} MiB` },
      input,
    );
  state.next = 1;
  saveState(task.folder, state);
}

async function main(): Promise<void> {
  const task = JSON.parse(process.argv.at(-1)!) as WorkerTask;
  const { targets } = createRequire(__filename)(task.targets) as { targets: readonly FuzzTarget[] };
  const target = targets.find(({ name }) => name === task.target)!;
  if (task.replay === undefined) await fuzz(target, task);
  else await replay(target, task, Buffer.from(task.replay, 'base64'));
}

main().then(
  // Whatever a target left open must not keep the process.
  () => process.exit(0),
  (error: unknown) => {
    console.error(error);
    process.exit(2);
  },
);
