import { execFileSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import path from 'node:path';

import { readEnvironment } from '../../lib/env';
import { caseScript, runForJson } from '../child';
import { peerPython } from '../peers';
import type { BenchOptions } from '../rows';
import type { EvalFigures } from './case';

/** IJB-C 1:1 at its real size, from features: insightface's way with NumPy and scikit-learn beside ours. */
export async function benchEval({ quick, only, rows }: BenchOptions): Promise<void> {
  const scale = quick ? 0.02 : 1;
  const folder = path.join(readEnvironment().cache, 'bench', `ijb-${scale}`);
  const python = peerPython();
  const script = path.join(__dirname, 'peer.py');
  if (!existsSync(path.join(folder, 'weights.f32')))
    execFileSync(python, [script, 'make', folder, String(scale)], { stdio: 'inherit' });
  const name = quick ? 'IJB-C 1:1, a fiftieth' : 'IJB-C 1:1';
  if (!name.includes(only) || rows.has(name, 'float32')) return;
  const ours = await runForJson<EvalFigures>(process.execPath, [...caseScript(__dirname), folder]);
  const theirs = await runForJson<EvalFigures>(python, [script, 'measure', folder]);
  const total = ({ pool, score, roc }: EvalFigures): number => pool + score + roc;
  const differing = ours.tars.filter((tar, i) => tar.toFixed(4) !== theirs.tars[i]!.toFixed(4)).length;
  for (const part of ['whole', 'pool', 'score', 'roc'] as const) {
    const [seconds, peerSeconds] =
      part === 'whole' ? [total(ours), total(theirs)] : [ours[part], theirs[part]];
    await rows.add({
      bench: 'eval',
      case: part === 'whole' ? name : `${name}, ${{ pool: 'templates', score: 'pairs', roc: 'ROC' }[part]}`,
      dtype: 'float32',
      seconds,
      peer: 'numpy, scikit-learn',
      peerSeconds,
      ratio: peerSeconds / seconds,
      limitSeconds: null,
      shareOfLimit: null,
      peakExtraBytes: part === 'whole' ? ours.peakBytes : null,
      peerPeakExtraBytes: part === 'whole' ? theirs.peakBytes : null,
      note:
        part === 'whole'
          ? `${differing} of ${ours.tars.length} TARs differ by a hundredth of a percent`
          : undefined,
    });
  }
}
