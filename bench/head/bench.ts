import { readFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';

import { runForJson } from '../child';
import type { HeadCase, HeadFigures } from './case';
import { peerPython } from '../peers';
import type { BenchOptions, BenchRow } from '../rows';

interface PeerFigures {
  seconds: number | null;
  peakExtraBytes: number | null;
  note?: string;
}

const dim = 512;
const peers = ['pytorch', 'pytorch-best', 'linear-cross-entropy', 'linear-cross-entropy-chunked'] as const;

function availableMemory(): number {
  try {
    const kilobytes = /^MemAvailable:\s+(\d+) kB/m.exec(readFileSync('/proc/meminfo', 'utf8'))?.[1];
    return Number(kilobytes) * 1024;
  } catch {
    return os.freemem();
  }
}

/** Memory that a peer takes with all its matrices, roughly and from below. */
function peerBytes(peer: string, { batch, classes }: HeadCase): number {
  const centres = 4 * classes * dim;
  const logits = 4 * classes * batch;
  // Centres, velocities, gradient, unit centres and their gradient; logits before and after the margin, their
  // angles and cosines, probabilities and gradients.
  return 5 * centres + (peer.endsWith('-chunked') ? 1 : peer === 'pytorch' ? 5 : 4) * logits;
}

function ours(options: HeadCase): Promise<HeadFigures> {
  const script = path.join(__dirname, 'case.ts');
  const loader = ['-r', 'ts-node/register/transpile-only'];
  return runForJson<HeadFigures>(process.execPath, [...loader, script, JSON.stringify(options)]);
}

/** The head's figures, and those of the least possible work right after. */
async function measured(options: HeadCase): Promise<HeadFigures & { limitSeconds: number }> {
  const figures = await ours(options);
  return { ...figures, limitSeconds: (await ours({ ...options, limit: true })).seconds };
}

function fastest<K extends string>(turns: readonly Record<K, number>[], key: K): number {
  return Math.min(...turns.map((turn) => turn[key]));
}

async function peerFigures(peer: string, options: HeadCase): Promise<PeerFigures> {
  if (options.sampleRate < 1) return { seconds: null, peakExtraBytes: null, note: 'samples no classes' };
  if (peerBytes(peer, options) > 0.9 * availableMemory())
    return { seconds: null, peakExtraBytes: null, note: 'does not fit' };
  const script = path.join(__dirname, 'peer.py');
  // At their best they have large pages, too; glibc reads this at the start.
  const env: NodeJS.ProcessEnv = peer === 'pytorch' ? {} : { GLIBC_TUNABLES: 'glibc.malloc.hugetlb=1' };
  try {
    return await runForJson<PeerFigures>(peerPython(), [script, peer, JSON.stringify(options)], env);
  } catch (error) {
    // The other cases are worth having all the same.
    console.error(error instanceof Error ? error.message : error);
    return { seconds: null, peakExtraBytes: null, note: 'failed' };
  }
}

/** The head's step (forward, backward, update of the centres) beside PyTorch and the machine's limit. */
export async function benchHead({ quick, only, rows }: BenchOptions): Promise<void> {
  const sizes: [number, number][] = quick
    ? [[10_572, 1]]
    : [
        [10_572, 1],
        [85_742, 1],
        [360_232, 1],
        [1_000_000, 1],
        [1_000_000, 0.1],
      ];
  for (const [classes, sampleRate] of sizes) {
    for (const batch of quick ? [128] : [128, 512]) {
      for (const dtype of ['float32', 'bfloat16'] as const) {
        const work = classes * sampleRate * batch;
        const repeats = quick ? 3 : Math.max(3, Math.min(15, Math.round(1.5e8 / work)));
        const options: HeadCase = { batch, classes, dtype, sampleRate, repeats, limit: false };
        const suffix = sampleRate < 1 ? `, sample rate ${sampleRate}` : '';
        const name = `head step, batch ${batch}, ${classes} classes${suffix}`;
        if (!`${name}, ${dtype}`.includes(only) || rows.has(name, dtype)) continue;
        console.error(`${name}, ${dtype} ...`);
        // By turns, and the better median of either: the machine's speed drifts.
        const turns = [await measured(options), await measured(options)];
        const [seconds, limitSeconds] = [fastest(turns, 'seconds'), fastest(turns, 'limitSeconds')];
        const peakExtraBytes = turns[0]!.peakExtraBytes;
        const compared: BenchRow[] = [];
        for (const peer of peers) {
          const found = await peerFigures(peer, options);
          compared.push({
            bench: 'head',
            case: name,
            dtype,
            seconds,
            peer,
            peerSeconds: found.seconds,
            ratio: found.seconds === null ? null : found.seconds / seconds,
            limitSeconds,
            shareOfLimit: limitSeconds / seconds,
            peakExtraBytes,
            peerPeakExtraBytes: found.peakExtraBytes,
            note: found.note,
          });
        }
        await rows.add(...compared);
      }
    }
  }
}
