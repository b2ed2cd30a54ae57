import { execFileSync } from 'node:child_process';
import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';

import { readEnvironment } from '../../lib/env';
import { readEnv } from '../../lib/libtorch/env';
import { ensureSynthSet } from '../../lib/synth';
import { caseScript } from '../child';
import { peerPython } from '../peers';
import type { BenchOptions, BenchRow } from '../rows';
import { CaseWorker } from '../worker';
import type { CaseFailure } from '../worker';
import type { GpuCase, HeadCase, MachineFigures, NetworkCase, StepFigures } from './case';
import { planOf } from './plan';

type Measured = StepFigures | CaseFailure;

/** Seconds that one case may take: compiling a network of a hundred layers takes most of them. */
const LONGEST_CASE = 120;
/** Less is not enough to begin a case. */
const SHORTEST_CASE = 3;

/** A Python that has PyTorch: the machine's own, else that of the other benchmarks; undefined where there is none. */
function pythonWithTorch(): string | undefined {
  const own = readEnv().python ?? 'python3';
  try {
    execFileSync(own, ['-c', 'import torch'], { stdio: 'ignore' });
    return own;
  } catch {
    try {
      return peerPython();
    } catch {
      return undefined;
    }
  }
}

/** Rows of what was measured, one for each peer. */
class GpuBench {
  readonly #options: BenchOptions;
  readonly #ours = new CaseWorker(process.execPath, caseScript(__dirname));
  readonly #peers: CaseWorker | undefined;
  readonly #end: number;
  machine: MachineFigures | undefined;

  constructor(options: BenchOptions) {
    this.#options = options;
    this.#end = performance.now() + 1000 * options.seconds;
    const python = pythonWithTorch();
    // The script lies beside the sources, also where they have been compiled to another place.
    const script = path.join('bench', 'gpu', 'peer.py');
    this.#peers = python === undefined ? undefined : new CaseWorker(python, [script]);
  }

  close(): void {
    this.#ours.close();
    this.#peers?.close();
  }

  get secondsLeft(): number {
    return (this.#end - performance.now()) / 1000;
  }

  async ours<T = StepFigures>(question: GpuCase): Promise<T | CaseFailure> {
    return this.#ours.ask<T>(question, Math.min(LONGEST_CASE, this.secondsLeft));
  }

  async theirs(peer: string, question: HeadCase | NetworkCase): Promise<Measured> {
    if (!this.#peers) return { error: 'no PyTorch here' };
    if (this.secondsLeft < SHORTEST_CASE) return { error: 'no time was left' };
    return this.#peers.ask({ ...question, peer }, Math.min(LONGEST_CASE, this.secondsLeft));
  }

  /** Whether a case is asked for, not measured yet, and may begin. */
  wants(name: string, dtype: string, peer: string): boolean {
    const { only, rows } = this.#options;
    if (!`${name}, ${dtype}`.includes(only) || rows.has(name, dtype, peer)) return false;
    if (this.secondsLeft < SHORTEST_CASE) {
      console.error(`${name}, ${dtype}, ${peer}: no time was left`);
      return false;
    }
    console.error(`${name}, ${dtype}, ${peer} ...`);
    return true;
  }

  /** Keeps a row at once: whatever ends the run, it has been measured. */
  async add(
    named: { case: string; dtype: string; peer: string },
    ours: Measured,
    theirs: Measured | undefined,
    limitSeconds: number | null,
    note?: string,
  ): Promise<void> {
    const [seconds, peerSeconds] = [secondsOf(ours), secondsOf(theirs)];
    const row: BenchRow = {
      bench: 'gpu',
      ...named,
      seconds: seconds ?? NaN,
      peerSeconds,
      ratio: seconds !== null && peerSeconds !== null ? peerSeconds / seconds : null,
      limitSeconds,
      shareOfLimit: seconds !== null && limitSeconds !== null ? limitSeconds / seconds : null,
      peakExtraBytes: 'error' in ours ? null : ours.peakBytes,
      peerPeakExtraBytes: theirs === undefined || 'error' in theirs ? null : theirs.peakBytes,
      note:
        [errorOf('ours', ours), errorOf(named.peer, theirs), note].filter(Boolean).join('; ') || undefined,
    };
    console.error(`  ${JSON.stringify(row)}`);
    await this.#options.rows.add(row);
  }
}

function secondsOf(measured: Measured | undefined): number | null {
  return measured === undefined || 'error' in measured ? null : measured.seconds;
}

function errorOf(who: string, measured: Measured | undefined): string | undefined {
  return measured !== undefined && 'error' in measured ? `${who}: ${measured.error}` : undefined;
}

/** Seconds that the device needs for the least possible work: arithmetic and memory each go on beside the other. */
function headFloor({ products, bandwidth }: MachineFigures, head: HeadCase): number {
  const { batch, classes, dim, precision } = head;
  // Logits, gradient of the embeddings, gradient of the centres.
  const operations = 3 * 2 * batch * classes * dim;
  // Centres are read for the logits; centres and velocities are read and written for the update.
  const bytes = 5 * 4 * classes * dim;
  return Math.max(operations / products[precision], bytes / bandwidth);
}

function imagesASecond(batch: number, measured: Measured): string | undefined {
  const seconds = secondsOf(measured);
  return seconds === null ? undefined : `${(batch / seconds).toFixed(0)} images/s`;
}

async function benchHeads(bench: GpuBench, heads: readonly HeadCase[]): Promise<void> {
  for (const head of heads) {
    const name = `head step, batch ${head.batch}, ${head.classes} classes`;
    for (const peer of ['pytorch', 'pytorch-best']) {
      if (!bench.wants(name, head.precision, peer)) continue;
      // By turns: clocks of a device change as it warms.
      const ours = await bench.ours(head);
      const theirs = await bench.theirs(peer, head);
      const floor = bench.machine ? headFloor(bench.machine, head) : null;
      await bench.add({ case: name, dtype: head.precision, peer }, ours, theirs, floor);
    }
  }
}

async function benchNetworks(bench: GpuBench, networks: readonly NetworkCase[], peer: string): Promise<void> {
  for (const network of networks) {
    const name = `training step, IResNet-${network.depth}, batch ${network.batch}`;
    if (!bench.wants(name, network.precision, peer)) continue;
    const ours = await bench.ours(network);
    const theirs = await bench.theirs(peer, network);
    const note = imagesASecond(network.batch, ours);
    await bench.add({ case: name, dtype: network.precision, peer }, ours, theirs, null, note);
  }
}

async function benchEndToEnd(bench: GpuBench, plan: ReturnType<typeof planOf>): Promise<void> {
  const { depth, batch, precision } = plan.endToEnd;
  const name = `end to end, IResNet-${depth}, batch ${batch}`;
  // What is beside it: the same step on images that are there already.
  const peer = 'the step alone';
  if (!bench.wants(name, precision, peer)) return;
  const output = mkdtempSync(path.join(os.tmpdir(), 'kappa-bench-'));
  try {
    const root = await faces();
    const ours = await bench.ours({ ...plan.endToEnd, root, output });
    const { kind: _, workers: _workers, warm: _warm, steps: _steps, ...rest } = plan.endToEnd;
    const alone = await bench.ours({ kind: 'network', repeats: 5, ...rest });
    const limit = secondsOf(alone);
    await bench.add({ case: name, dtype: precision, peer }, ours, alone, limit, imagesASecond(batch, ours));
  } finally {
    rmSync(output, { recursive: true, force: true });
  }
}

/** A face set: LFW where it lies beside the repository, else drawn faces. */
async function faces(): Promise<string> {
  const lfw = path.resolve('..', 'shared', 'data', 'lfw');
  if (existsSync(path.join(lfw, 'train.rec'))) return lfw;
  return ensureSynthSet(path.join(readEnvironment().cache, 'synth'));
}

/**
 * A GPU: head and training step beside PyTorch, images a second from a record file, and what the device itself does.
 * Rows come the most telling first, and no case is begun when the time is over.
 */
export async function benchGpu(options: BenchOptions): Promise<void> {
  const plan = planOf(options.device, options.quick);
  const bench = new GpuBench(options);
  try {
    const machine = await bench.ours<MachineFigures>(plan.machine);
    if ('error' in machine) throw new Error(`${options.device} cannot be measured: ${machine.error}`);
    bench.machine = machine;
    const rates = Object.entries(machine.products).map(
      ([dtype, rate]) => `${dtype} products ${(rate / 1e12).toFixed(1)} TFLOP/s`,
    );
    console.log(
      `${[...rates, `copy ${(machine.bandwidth / 1e9).toFixed(0)} GB/s, read and written`].join(', ')}\n`,
    );
    const [common, large] = [plan.heads.filter(isCommon), plan.heads.filter((head) => !isCommon(head))];
    await benchHeads(bench, common);
    await benchNetworks(bench, plan.networks, 'pytorch');
    await benchEndToEnd(bench, plan);
    await benchHeads(bench, large);
    // Last, for they have to be compiled.
    await benchNetworks(bench, plan.networks, 'pytorch-best');
  } finally {
    bench.close();
  }
}

function isCommon({ classes }: HeadCase): boolean {
  return classes < 500_000;
}
