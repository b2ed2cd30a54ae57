import os from 'node:os';
import path from 'node:path';

import { freePort } from '../../lib/distributed/launcher/addresses';
import { caseScript, runForJson } from '../child';
import { peerPython } from '../peers';
import type { BenchOptions, BenchRow } from '../rows';
import type { DistributedCase, DistributedFigures } from './case';

type PeerFigures = Pick<DistributedFigures, 'seconds' | 'peakBytes'>;

/** Runs a program as so many ranks, each pinned to a processor of its own as far as there are any. */
async function asRanks<T>(worldSize: number, command: string, args: string[]): Promise<T[]> {
  const port = await freePort();
  const cores = os.availableParallelism();
  const ranks = Array.from({ length: worldSize }, (_, rank) =>
    runForJson<T>('taskset', ['-c', String(rank % cores), command, ...args], {
      ...{ RANK: String(rank), WORLD_SIZE: String(worldSize), MASTER_PORT: String(port) },
      MASTER_ADDR: '127.0.0.1',
      OMP_NUM_THREADS: '1',
    }),
  );
  return Promise.all(ranks);
}

function ours(worldSize: number, options: DistributedCase): Promise<DistributedFigures[]> {
  return asRanks(worldSize, process.execPath, [...caseScript(__dirname), JSON.stringify(options)]);
}

function peers(worldSize: number, options: DistributedCase): Promise<PeerFigures[]> {
  return asRanks(worldSize, peerPython(), [path.join(__dirname, 'peer.py'), JSON.stringify(options)]);
}

/** A step takes as long as that of the slowest rank. */
function slowest(all: readonly PeerFigures[]): number {
  return Math.max(...all.map(({ seconds }) => seconds));
}

/** Bytes that a rank has to send in a step at the least: gradients summed, embeddings there and their gradients back. */
function leastBytes(
  worldSize: number,
  parameters: number,
  { batch, embeddingSize, compression }: DistributedCase,
): number {
  const wide = compression === 'none' ? 4 : 2;
  const others = worldSize - 1;
  return (
    (2 * others * parameters * wide) / worldSize + 2 * others * batch * embeddingSize * 4 + others * batch * 8
  );
}

/**
 * Several processes beside DDP of PyTorch with arcface_torch's sharded head, on the same processors, by turns. The column
 * "of limit" is the share of the speed that as many processes alone have together; for heads, that of one process.
 */
export async function benchDistributed({ quick, only, rows }: BenchOptions): Promise<void> {
  const turns = quick ? 1 : 2;
  const common = { depth: 18, widthMultiplier: 0.25, embeddingSize: 512, steps: quick ? 6 : 12 } as const;
  const cases: { name: string; worldSize: number; options: DistributedCase; alone: DistributedCase }[] = [];
  for (const compression of ['none', 'bfloat16'] as const) {
    const options: DistributedCase = { ...common, kind: 'training', classes: 10_572, batch: 32, compression };
    const name = `training, 2 processes, 32 images each, gradients ${compression === 'none' ? 'float32' : compression}`;
    cases.push({ name, worldSize: 2, options, alone: options });
  }
  for (const worldSize of [1, 2, 4]) {
    // The same work in all: 128 samples, all classes.
    const options: DistributedCase = {
      ...common,
      ...{ kind: 'head', classes: quick ? 10_572 : 85_742, batch: 128 / worldSize, compression: 'none' },
    };
    cases.push({
      name: `head step, 128 samples, ${options.classes} classes, ${worldSize} shard${worldSize > 1 ? 's' : ''}`,
      ...{ worldSize, options, alone: { ...options, batch: 128 } },
    });
  }
  for (const { name, worldSize, options, alone } of cases) {
    if (!name.includes(only) || rows.has(name, 'float32')) continue;
    const own: DistributedFigures[][] = [];
    const single: DistributedFigures[][] = [];
    const other: PeerFigures[][] = [];
    for (let turn = 0; turn < turns; turn++) {
      own.push(await ours(worldSize, options));
      single.push(await ours(1, alone));
      other.push(await peers(worldSize, options));
    }
    const best = (runs: readonly (readonly PeerFigures[])[]): number => Math.min(...runs.map(slowest));
    const [seconds, peerSeconds, limitSeconds] = [best(own), best(other), best(single)];
    const [first] = own[0] as [DistributedFigures];
    const least = leastBytes(worldSize, first.parameters, options);
    const peak = (runs: readonly (readonly PeerFigures[])[]): number =>
      Math.max(...runs.flat().map(({ peakBytes }) => peakBytes));
    const row: BenchRow = {
      bench: 'distributed',
      case: name,
      dtype: 'float32',
      seconds,
      peer: 'pytorch-ddp',
      peerSeconds,
      ratio: peerSeconds / seconds,
      limitSeconds,
      shareOfLimit: limitSeconds / seconds,
      peakExtraBytes: peak(own),
      peerPeakExtraBytes: peak(other),
      note:
        worldSize > 1
          ? `${(first.bytes / 1e6).toFixed(2)} MB sent a step and rank, ${(first.bytes / least).toFixed(3)} times the least; waiting ${((100 * first.waiting) / first.seconds).toFixed(0)}%`
          : undefined,
    };
    await rows.add(row);
  }
}
