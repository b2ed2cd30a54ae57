import { spawn, type ChildProcess } from 'node:child_process';
import path from 'node:path';

import { runForJson } from '../child';
import type { BenchOptions, BenchRow } from '../rows';
import type { TrainingCase, TrainingFigures } from './case';
import { median } from '../median';

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

/** How many busy processes there are beside. */
const BESIDE = [0, 1, 3] as const;

/** Ours and the same with the default spinning, beside each number of busy processes. */
type Turn = Map<number, { ours: TrainingFigures; spinning: TrainingFigures }>;

async function measureTurn(options: TrainingCase): Promise<Turn> {
  const turn: Turn = new Map();
  for (const beside of BESIDE) {
    const busy = Array.from({ length: beside }, startBusyProcess);
    try {
      turn.set(beside, {
        ours: await measured(options, {}),
        spinning: await measured(options, DEFAULT_SPINNING),
      });
    } finally {
      for (const child of busy) child.kill('SIGKILL');
    }
  }
  return turn;
}

/**
 * Training and embedding alone and beside busy processes, in turns with the same under the default spinning of the
 * OpenMP runtime. The column "of limit" is the share of the undisturbed speed, median of the shares in each turn: machines
 * that are shared drift by more between turns than within one.
 */
export async function benchTraining({ quick, only, rows }: BenchOptions): Promise<void> {
  const precisions = ['float32', 'bfloat16'] as const;
  for (const precision of quick ? precisions.slice(0, 1) : precisions) {
    const nameOf = (beside: number): string => (beside === 0 ? 'alone' : `beside ${beside} busy`);
    const isWanted = (beside: number): boolean =>
      nameOf(beside).includes(only) && !rows.has(`training, ${nameOf(beside)}`, precision);
    const wanted = BESIDE.filter(isWanted);
    if (wanted.length === 0) continue;
    const options: TrainingCase = {
      depth: 18,
      widthMultiplier: 0.25,
      batch: 32,
      precision,
      seconds: quick ? 4 : 8,
      othersAllocate: true,
      library: process.env.KAPPA_BENCH_LIBRARY,
    };
    const turns: Turn[] = [];
    for (let i = 0; i < (quick ? 1 : 5); i++) turns.push(await measureTurn(options));
    for (const beside of wanted) {
      const of = (count: number) => turns.map((turn) => turn.get(count)!);
      const [here, alone] = [of(beside), of(0)];
      const both = (['training', 'embedding'] as const).map((what): BenchRow => {
        const rate = median(here.map(({ ours }) => ours[what]));
        const peer = median(here.map(({ spinning }) => spinning[what]));
        const shares = here.map(({ ours }, i) => ours[what] / alone[i]!.ours[what]);
        return {
          bench: 'training',
          case: `${what}, ${nameOf(beside)}`,
          dtype: precision,
          seconds: options.batch / rate,
          peer: 'default spinning',
          peerSeconds: options.batch / peer,
          ratio: median(here.map(({ ours, spinning }) => ours[what] / spinning[what])),
          limitSeconds: options.batch / median(alone.map(({ ours }) => ours[what])),
          shareOfLimit: median(shares),
          peakExtraBytes: Math.max(...here.map(({ ours }) => ours.peakBytes)),
          peerPeakExtraBytes: null,
          note:
            `${rate.toFixed(1)} images/s, shares ${shares.map((share) => share.toFixed(2)).join(' ')}, ` +
            `${Math.min(...here.map(({ ours }) => ours.faults))} page faults a step`,
        };
      });
      await rows.add(...both);
    }
  }
}
