import { execFileSync } from 'node:child_process';
import { existsSync, mkdirSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import path from 'node:path';

import { readEnvironment } from '../../lib/env';
import { native } from '../../lib/native/load';
import { caseScript, runForJson } from '../child';
import { peerPython } from '../peers';
import type { BenchOptions, BenchRow } from '../rows';
import type { FoldFigures } from './cases/folds';
import type { IjbFigures } from './cases/ijb';
import type { MegafaceFigures } from './cases/megaface';

const script = path.join(__dirname, 'peer.py');
const generator = path.join(__dirname, '..', '..', 'scripts', 'dev', 'synthetic-benchmark');
/** Ours and the peer are measured by turns, so often; the fastest counts. */
const TURNS = 2;

/** The evaluations of the field at their real size, from features, beside the way in which each is done elsewhere. */
export async function benchEval(options: BenchOptions): Promise<void> {
  await benchFolds(options);
  await benchIjb(options);
  await benchMegaface(options);
}

function dataFolder(name: string): string {
  const folder = path.join(readEnvironment().cache, 'bench', name);
  mkdirSync(path.dirname(folder), { recursive: true });
  return folder;
}

const ours = <T>(...args: string[]): Promise<T> =>
  runForJson<T>(process.execPath, [...caseScript(__dirname), ...args]);
const theirs = <T>(...args: string[]): Promise<T> => runForJson<T>(peerPython(), [script, ...args]);

/** Measures by turns, and takes the fastest of each. */
async function byTurns<T extends { seconds: number }>(sides: (() => Promise<T>)[]): Promise<T[]> {
  const best: T[] = [];
  for (let turn = 0; turn < TURNS; turn++)
    for (const [side, measure] of sides.entries()) {
      const figures = await measure();
      if (best[side] === undefined || figures.seconds < best[side].seconds) best[side] = figures;
    }
  return best;
}

function rowOf(
  row: Pick<BenchRow, 'case' | 'dtype' | 'peer'> & Partial<BenchRow>,
  [own, peer]: [Measured, Measured],
): BenchRow {
  return {
    bench: 'eval',
    seconds: own.seconds,
    peerSeconds: peer.seconds,
    ratio: peer.seconds / own.seconds,
    limitSeconds: null,
    shareOfLimit: null,
    peakExtraBytes: own.peakBytes ?? null,
    peerPeakExtraBytes: peer.peakBytes ?? null,
    ...(own.cpuSeconds !== undefined && { cpuSeconds: own.cpuSeconds }),
    ...(peer.cpuSeconds !== undefined && { peerCpuSeconds: peer.cpuSeconds }),
    ...row,
  };
}

interface Measured {
  seconds: number;
  cpuSeconds?: number;
  peakBytes?: number;
}

async function benchFolds({ only, rows }: BenchOptions): Promise<void> {
  const name = 'ten folds, 6,000 pairs';
  if (!name.includes(only) || rows.has(name, 'float32')) return;
  const file = dataFolder('folds');
  if (!existsSync(`${file}.u8`)) await ours('fold-data', file);
  const [own, peer] = (await byTurns<FoldFigures>([() => ours('folds'), () => theirs('folds', file)])) as [
    FoldFigures,
    FoldFigures,
  ];
  const isAlike =
    own.accuracy.toFixed(6) === peer.accuracy.toFixed(6) && own.val.toFixed(4) === peer.val.toFixed(4);
  const note = isAlike ? 'same accuracy and TAR' : 'other accuracy or TAR';
  await rows.add(rowOf({ case: name, dtype: 'float32', peer: 'numpy', note }, [own, peer]));
}

async function benchIjb({ quick, only, rows }: BenchOptions): Promise<void> {
  const name = quick ? 'IJB-C 1:1, a fiftieth' : 'IJB-C 1:1';
  if (!name.includes(only) || rows.has(name, 'float32')) return;
  const scale = quick ? 0.02 : 1;
  const folder = dataFolder(`ijb-${scale}`);
  if (!existsSync(path.join(folder, 'weights.f32')))
    execFileSync(peerPython(), [script, 'make-ijb', folder, String(scale)], { stdio: 'inherit' });
  const whole = async (measured: Promise<IjbFigures>): Promise<IjbFigures & { seconds: number }> => {
    const figures = await measured;
    return { ...figures, seconds: figures.pool + figures.score + figures.roc };
  };
  const [own, peer] = (await byTurns([
    () => whole(ours('ijb', folder)),
    () => whole(theirs('ijb', folder)),
  ])) as [IjbFigures & { seconds: number }, IjbFigures & { seconds: number }];
  const differing = own.tars.filter((tar, i) => tar.toFixed(4) !== peer.tars[i]!.toFixed(4)).length;
  const row = { dtype: 'float32', peer: 'numpy, scikit-learn' };
  const note = `${differing} of ${own.tars.length} TARs differ by a hundredth of a percent`;
  await rows.add(rowOf({ ...row, case: name, note }, [own, peer]));
  for (const [part, label] of [
    ['pool', 'templates'],
    ['score', 'pairs'],
    ['roc', 'ROC'],
  ] as const)
    await rows.add(
      rowOf({ ...row, case: `${name}, ${label}` }, [{ seconds: own[part] }, { seconds: peer[part] }]),
    );
}

async function benchMegaface({ quick, only, rows }: BenchOptions): Promise<void> {
  const distractors = quick ? 50_000 : 1_000_000;
  const name = `MegaFace, ${distractors.toLocaleString('en')} distractors`;
  const kinds = (['float32', 'bfloat16'] as const).filter(
    (kind) => !rows.has(name, kind) && (kind === 'float32' || native().computesFast('bfloat16', 'cpu')),
  );
  if (!name.includes(only) || kinds.length === 0) return;
  const folder = dataFolder(`megaface-${distractors}`);
  if (!existsSync(path.join(folder, 'megaface-index.txt'))) {
    const args = ['megaface', folder, '--distractors', String(distractors)];
    const loader = path.extname(__filename) === '.ts' ? ['-r', 'ts-node/register/transpile-only'] : [];
    execFileSync(process.execPath, [...loader, generator, ...args], { stdio: 'inherit' });
  }
  const threads = String(availableParallelism());
  const sides = kinds.map((kind) => () => ours<MegafaceFigures>('megaface', folder, kind, threads));
  const measured = await byTurns([...sides, () => theirs<MegafaceFigures>('megaface', folder, threads)]);
  const peer = measured.at(-1)!;
  for (const [i, kind] of kinds.entries()) {
    const own = measured[i]!;
    const note = [
      own.rank1.toFixed(6) === peer.rank1.toFixed(6) ? 'same rank 1' : 'other rank 1',
      ...(i > 0 ? [own.digest === measured[0]!.digest ? 'same results as float32' : 'OTHER results'] : []),
    ].join(', ');
    await rows.add(rowOf({ case: name, dtype: kind, peer: 'faiss-cpu IndexFlatIP', note }, [own, peer]));
  }
}
