import path from 'node:path';

import { readEnvironment } from '../../lib/env';
import { ensureSynthSet } from '../../lib/synth';
import { runForJson } from '../child';
import type { DataCase, DataFigures } from './case';
import { ensureIndexSet } from './index-set';
import { peerPython } from '../peers';
import type { BenchOptions, BenchRow, BenchRows } from '../rows';

const batchSize = 128;
const workers = 2;

/** AdaFace's recipe. */
const adaface = {
  crop: { probability: 0.2 },
  lowResolution: { probability: 0.2 },
  photometric: { probability: 0.2 },
};

interface Comparison {
  name: string;
  dtype: string;
  work: 'uint8' | 'float32';
  augment: typeof adaface | Record<string, never>;
  peers: string[];
}

const comparisons: Comparison[] = [
  {
    name: 'read, decode, flip, normalise, batch',
    dtype: 'float32',
    work: 'float32',
    augment: {},
    peers: ['dataloader'],
  },
  {
    name: 'read, decode, batch, flip left to the device',
    dtype: 'uint8',
    work: 'uint8',
    augment: {},
    peers: ['dataloader', 'dataloader-best'],
  },
  {
    name: 'read, decode, augment as AdaFace, flip, normalise, batch',
    dtype: 'float32',
    work: 'float32',
    augment: adaface,
    peers: ['dataloader'],
  },
  {
    name: 'read, decode, augment as AdaFace, batch',
    dtype: 'uint8',
    work: 'uint8',
    augment: adaface,
    peers: ['dataloader', 'dataloader-best'],
  },
];

function ours(options: DataCase): Promise<DataFigures> {
  const script = path.join(__dirname, 'case.ts');
  return runForJson<DataFigures>(process.execPath, [
    ...['-r', 'ts-node/register/transpile-only'],
    ...[script, JSON.stringify(options)],
  ]);
}

function theirs(peer: string, options: DataCase): Promise<DataFigures> {
  const script = path.join(__dirname, 'peer.py');
  return runForJson<DataFigures>(peerPython(), [script, peer, JSON.stringify(options)]);
}

/** The round of median time. */
function median(rounds: DataFigures[]): DataFigures {
  return [...rounds].sort((a, b) => a.seconds - b.seconds)[Math.floor(rounds.length / 2)]!;
}

function row(
  name: string,
  dtype: string,
  figures: DataFigures,
  peer: { name: string; figures: DataFigures },
  limitSeconds: number | null,
): BenchRow {
  return {
    bench: 'data',
    case: name,
    dtype,
    seconds: figures.seconds,
    peer: peer.name,
    peerSeconds: peer.figures.seconds,
    ratio: peer.figures.seconds / figures.seconds,
    limitSeconds,
    shareOfLimit: limitSeconds === null ? null : limitSeconds / figures.seconds,
    peakExtraBytes: figures.peakExtraBytes,
    peerPeakExtraBytes: peer.figures.peakExtraBytes,
    cpuSeconds: figures.cpuSeconds,
    peerCpuSeconds: peer.figures.cpuSeconds,
  };
}

/** The loader beside PyTorch's DataLoader with OpenCV, on the same records, and the opening of a large set. */
export async function benchData({ quick, only, rows }: BenchOptions): Promise<void> {
  const cache = readEnvironment().cache;
  const images = quick ? 20_000 : 40_000;
  const rounds = quick ? 1 : 3;
  const faces = { identities: 100, verificationIdentities: 2, pairs: 20 };
  const root = await ensureSynthSet(path.join(cache, 'synth'), faces);
  for (const { name, dtype, work, augment, peers } of comparisons) {
    const title = `${name}; ${images} images, batch ${batchSize}, ${workers} workers`;
    if (!`${title}, ${dtype}`.includes(only) || rows.has(title, dtype)) continue;
    console.error(`${title}, ${dtype} ...`);
    const options: DataCase = { root, work, images, batchSize, workers, augment };
    const limits: DataFigures[] = [];
    const loader: DataFigures[] = [];
    const found = peers.map((): DataFigures[] => []);
    // Round by round, so that a machine whose speed drifts does so for all.
    for (let round = 0; round < rounds; round++) {
      limits.push(await ours({ ...options, work: 'limit' }));
      loader.push(await ours(options));
      for (const [i, peer] of peers.entries()) found[i]!.push(await theirs(peer, options));
    }
    const limitSeconds = Math.min(...limits.map(({ seconds }) => seconds));
    await rows.add(
      ...peers.map((name, i) =>
        row(title, dtype, median(loader), { name, figures: median(found[i]!) }, limitSeconds),
      ),
    );
  }
  await benchOpening(cache, quick ? 500_000 : 5_000_000, only, rows);
}

async function benchOpening(cache: string, images: number, only: string, rows: BenchRows): Promise<void> {
  const classes = Math.round(images / 60);
  const title = `open ${images} records and count the images of ${classes} classes`;
  if (!title.includes(only) || rows.has(title, '-')) return;
  console.error(`${title} ...`);
  const root = ensureIndexSet(path.join(cache, 'bench'), images, classes);
  const options: DataCase = { root, work: 'open', images, batchSize, workers: 1, augment: {} };
  const figures = await ours(options);
  await rows.add(
    row(title, '-', figures, { name: 'dataloader', figures: await theirs('dataloader', options) }, null),
  );
}
