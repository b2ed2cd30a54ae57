import { caseScript } from '../child';
import { median } from '../median';
import type { BenchOptions, BenchRow } from '../rows';
import type { TrainingCase } from './case';
import { StepProcess, StoppableProcess, type Window } from './stoppable';

const MODES = ['training', 'embedding'] as const;

/** How threads spin: as this package says, or, as libgomp does where nobody tells it, about 1 ms throughout. */
const SPINNING = { ours: {}, default: { GOMP_SPINCOUNT: '300000' } };
type Spinning = keyof typeof SPINNING;

/** How many busy processes there are beside. */
const BESIDE = [0, 1, 3] as const;

/** Seconds until threads have noticed what else runs, or, after two, that nothing does any more; and those measured. */
const SETTLE = 4;
const WINDOW = 2;

interface State {
  spinning: Spinning;
  beside: number;
}

/** Images a second and page faults a step in each state, of one round. */
type Round = Map<string, { rate: number; faults: number }>;

function keyOf({ spinning, beside }: State): string {
  return `${spinning} ${beside}`;
}

/** Another order in every round, the same in every run: what comes after what is not to matter. */
function inTurn(states: readonly State[], round: number): State[] {
  const turned = states.map((_, i) => states[(i + round) % states.length]!);
  return round % 2 === 0 ? turned : turned.reverse();
}

/** Each state for some seconds, and all of them again, in processes that are stopped while another runs. */
async function measure(
  options: TrainingCase,
  besides: readonly number[],
  rounds: number,
): Promise<{ rounds: Round[]; peakBytes: number }> {
  const args = [...caseScript(__dirname), JSON.stringify(options)];
  const states = (Object.keys(SPINNING) as Spinning[]).flatMap((spinning) =>
    besides.map((beside) => ({ spinning, beside })),
  );
  const cases = new Map<Spinning, StepProcess>();
  const busy: StoppableProcess[] = [];
  try {
    for (const [spinning, env] of Object.entries(SPINNING) as [Spinning, NodeJS.ProcessEnv][]) {
      const started = new StepProcess(args, env);
      cases.set(spinning, started);
      await started.warmUp(3);
    }
    for (let i = 0; i < Math.max(...besides); i++) {
      const started = new StoppableProcess(['-e', 'for (;;);']);
      busy.push(started);
      started.stop();
    }
    const measured: Round[] = [];
    for (let i = 0; i < rounds; i++) {
      const round: Round = new Map();
      for (const state of inTurn(states, i)) {
        const beside = busy.slice(0, state.beside);
        for (const other of beside) other.resume();
        const window: Window = await cases.get(state.spinning)!.look(SETTLE, WINDOW);
        for (const other of beside) other.stop();
        const rate = (window.steps * options.batch) / window.seconds;
        round.set(keyOf(state), { rate, faults: median(window.faults) });
      }
      measured.push(round);
    }
    return { rounds: measured, peakBytes: cases.get('ours')!.peakBytes };
  } finally {
    for (const started of [...cases.values(), ...busy]) started.end();
  }
}

/**
 * Training and embedding alone and beside busy processes, by turns with the same under the default spinning of the
 * OpenMP runtime. The column "of limit" is the share of the undisturbed speed, median of the shares in each round:
 * machines that are shared drift by more in a minute than what is to be seen.
 */
export async function benchTraining({ quick, only, rows }: BenchOptions): Promise<void> {
  const precisions = ['float32', 'bfloat16'] as const;
  for (const precision of quick ? precisions.slice(0, 1) : precisions) {
    for (const mode of MODES) {
      const nameOf = (beside: number): string =>
        `${mode}, ${beside === 0 ? 'alone' : `beside ${beside} busy`}`;
      const wanted = BESIDE.filter(
        (beside) => nameOf(beside).includes(only) && !rows.has(nameOf(beside), precision),
      );
      if (wanted.length === 0) continue;
      const options: TrainingCase = {
        mode,
        depth: 18,
        widthMultiplier: 0.25,
        batch: 32,
        precision,
        othersAllocate: true,
        library: process.env.KAPPA_BENCH_LIBRARY,
      };
      const besides = [...new Set([0, ...wanted])];
      const { rounds, peakBytes } = await measure(
        options,
        besides,
        quick ? 2 : Math.floor(36 / besides.length),
      );
      await rows.add(
        ...wanted.map((beside): BenchRow => {
          const of = (spinning: Spinning, count: number) =>
            rounds.map((round) => round.get(keyOf({ spinning, beside: count }))!);
          const [here, alone, peer] = [of('ours', beside), of('ours', 0), of('default', beside)];
          const rate = median(here.map(({ rate: ours }) => ours));
          const shares = here.map(({ rate: ours }, i) => ours / alone[i]!.rate);
          return {
            bench: 'training',
            case: nameOf(beside),
            dtype: precision,
            seconds: options.batch / rate,
            peer: 'default spinning',
            peerSeconds: options.batch / median(peer.map(({ rate: theirs }) => theirs)),
            ratio: median(here.map(({ rate: ours }, i) => ours / peer[i]!.rate)),
            limitSeconds: options.batch / median(alone.map(({ rate: ours }) => ours)),
            shareOfLimit: median(shares),
            peakExtraBytes: peakBytes,
            peerPeakExtraBytes: null,
            note:
              `${rate.toFixed(1)} images/s, shares ${shares.map((share) => share.toFixed(2)).join(' ')}, ` +
              `${median(here.map(({ faults }) => faults))} page faults a step`,
          };
        }),
      );
    }
  }
}
