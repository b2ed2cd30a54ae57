import { spawn, type ChildProcess } from 'node:child_process';
import path from 'node:path';

import { runForJson } from '../child';
import type { BenchOptions, BenchRow } from '../rows';
import type { TrainingCase, TrainingFigures } from './case';

/** What libgomp does where nobody tells it: its threads spin about 1 ms for the next operation. */
const DEFAULT_SPINNING = { GOMP_SPINCOUNT: '300000' };

/** A process that does nothing but keep a processor busy. */
function startBusyProcess(): ChildProcess {
  return spawn(process.execPath, ['-e', 'for (;;);'], { stdio: 'ignore' });
}

function measured(options: TrainingCase, env: NodeJS.ProcessEnv): Promise<TrainingFigures> {
  const script = path.join(__dirname, 'case.ts');
  const loader = ['-r', 'ts-node/register/transpile-only'];
  return runForJson<TrainingFigures>(process.execPath, [...loader, script, JSON.stringify(options)], env);
}

function best(runs: readonly TrainingFigures[], key: 'training' | 'embedding'): number {
  return Math.max(...runs.map((run) => run[key]));
}

/**
 * Training and embedding alone and beside busy processes, in turns with the same under the default spinning of the
 * OpenMP runtime. The column "of limit" is the share of the undisturbed speed.
 */
export async function benchTraining({ quick, only, rows }: BenchOptions): Promise<void> {
  const precisions = ['float32', 'bfloat16'] as const;
  for (const precision of quick ? precisions.slice(0, 1) : precisions) {
    const options: TrainingCase = {
      depth: 18,
      widthMultiplier: 0.25,
      batch: 32,
      precision,
      seconds: quick ? 4 : 10,
      othersAllocate: true,
      library: process.env.KAPPA_BENCH_LIBRARY,
    };
    const alone = { training: NaN, embedding: NaN };
    for (const beside of [0, 1, 3]) {
      const name = beside === 0 ? 'alone' : `beside ${beside} busy`;
      if (!name.includes(only) || rows.has(`training, ${name}`, precision)) continue;
      const busy = Array.from({ length: beside }, startBusyProcess);
      const ours: TrainingFigures[] = [];
      const spinning: TrainingFigures[] = [];
      try {
        for (let turn = 0; turn < (quick ? 1 : 3); turn++) {
          ours.push(await measured(options, {}));
          spinning.push(await measured(options, DEFAULT_SPINNING));
        }
      } finally {
        for (const child of busy) child.kill('SIGKILL');
      }
      const both = (['training', 'embedding'] as const).map((what): BenchRow => {
        const rate = best(ours, what);
        if (beside === 0) alone[what] = rate;
        return {
          bench: 'training',
          case: `${what}, ${name}`,
          dtype: precision,
          seconds: options.batch / rate,
          peer: 'default spinning',
          peerSeconds: options.batch / best(spinning, what),
          ratio: rate / best(spinning, what),
          limitSeconds: options.batch / alone[what],
          shareOfLimit: rate / alone[what],
          peakExtraBytes: Math.max(...ours.map((run) => run.peakBytes)),
          peerPeakExtraBytes: null,
          note: `${rate.toFixed(1)} images/s, ${Math.min(...ours.map((run) => run.faults))} page faults a step`,
        };
      });
      await rows.add(...both);
    }
  }
}
