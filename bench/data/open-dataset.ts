import { fork } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { FaceDataset, type FaceDatasetOptions } from '../../lib/data/face-dataset';
import { Sampler } from '../../lib/data/loader/sampler';
import { writeLargeDataset } from '../../test/support/large-dataset';

/**
 * Measures how long it takes to open a dataset of millions of records and to count its classes, each case in a process
 * of its own: `node -r ts-node/register/transpile-only bench/data/open-dataset.ts [images] [classes]`.
 */
interface Case {
  name: string;
  root: string;
  options: FaceDatasetOptions;
}

async function measure({ name, root, options }: Case): Promise<void> {
  const startedAt = performance.now();
  const cpuBefore = process.cpuUsage();
  const set = await FaceDataset.open(root, options);
  const seconds = (performance.now() - startedAt) / 1000;
  const { user, system } = process.cpuUsage(cpuBefore);
  const counted = set.samplesPerClass.reduce((sum, count) => sum + count, 0);
  const peak = process.resourceUsage().maxRSS / 1024;
  const orderStartedAt = performance.now();
  const sampler = new Sampler({ length: set.length, batchSize: 128, seed: 1 });
  sampler.batch(1, sampler.numBatches - 1);
  const full = performance.now() - orderStartedAt;
  const blockStartedAt = performance.now();
  const blocks = new Sampler({ length: set.length, batchSize: 128, seed: 1, shuffle: 'block' });
  blocks.batch(1, blocks.numBatches - 1);
  const block = performance.now() - blockStartedAt;
  set.close();
  process.stdout.write(
    `${name}: ${seconds.toFixed(2)} s (${((user + system) / 1e6).toFixed(2)} s CPU), peak ${peak.toFixed(0)} MB, ${counted} images of ${set.numClasses} classes; ` +
      `first batch of an epoch: full ${full.toFixed(0)} ms, block ${block.toFixed(0)} ms\n`,
  );
}

function inChild(task: Case): Promise<void> {
  return new Promise((resolve, reject) => {
    const child = fork(__filename, [], { env: { ...process.env, KAPPA_CASE: JSON.stringify(task) } });
    child.once('exit', (code) => (code === 0 ? resolve() : reject(new Error(`exit code ${code}`))));
  });
}

async function main(): Promise<void> {
  if (process.env.KAPPA_CASE !== undefined) return measure(JSON.parse(process.env.KAPPA_CASE) as Case);
  const [images = 5_000_000, classes = 93_431] = process.argv.slice(2).map(Number);
  const folder = mkdtempSync(path.join(os.tmpdir(), 'kappa-open-'));
  try {
    for (const layout of ['face2rec2', 'im2rec'] as const) {
      const root = writeLargeDataset(path.join(folder, layout), { images, classes, layout, holes: 9 });
      await inChild({ name: `${layout}`, root, options: {} });
      await inChild({ name: `${layout}, again`, root, options: {} });
      rmSync(path.join(root, 'train.idx'));
      await inChild({ name: `${layout}, index made by a scan`, root, options: { cache: false } });
      rmSync(root, { recursive: true });
    }
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

void main();
