// The folder of a run that was never trained: for tests of what shows runs.
import { mkdirSync, writeFileSync } from 'node:fs';
import path from 'node:path';

import { resolveConfig } from '../../lib';
import type { Config } from '../../lib';
import { writeRecord } from '../../lib/eval/records/files';
import type { EvaluationRecord } from '../../lib/eval/records/record';
import {
  kappaBins,
  marginBins,
  trimmed,
  type Bins,
  type ValueHistogram,
} from '../../lib/run/class-statistics';
import { Xoshiro128 } from '../../lib/random';

export interface DrawnRun {
  steps?: number;
  epochs?: number;
  sets?: readonly string[];
  /** Classes that are kept one by one. */
  sample?: number;
  changes?: Partial<Config>;
  records?: readonly EvaluationRecord[];
}

function histogram(bins: Bins, values: readonly number[]): ValueHistogram {
  const counts = new Array<number>(bins.edges.length - 1).fill(0);
  for (const value of values) counts[bins.indexOf(value)]! += 1;
  const mean = values.reduce((sum, value) => sum + value, 0) / values.length;
  return trimmed(bins, counts, { min: Math.min(...values), mean, max: Math.max(...values) });
}

/** Writes config.json, dataset.json, metrics.jsonl, margins.jsonl, result.json and evaluations. */
export async function drawRun(folder: string, run: DrawnRun = {}): Promise<string> {
  const { steps = 400, epochs = 4, sets = ['lfw', 'cfp_fp'], sample = 300, changes, records = [] } = run;
  const random = Xoshiro128.fromSeed(steps, epochs);
  const noise = (): number => random.next() / 2 ** 32 - 0.5;
  mkdirSync(folder, { recursive: true });
  const write = (name: string, value: unknown): void =>
    writeFileSync(path.join(folder, name), JSON.stringify(value));
  const writeLines = (name: string, lines: readonly unknown[]): void =>
    writeFileSync(path.join(folder, name), lines.map((line) => `${JSON.stringify(line)}\n`).join(''));

  write('config.json', resolveConfig({ name: 'drawn', data: { root: '/data/faces' }, ...changes }));
  write('dataset.json', { samples: 30 * sample, classes: sample });
  const perEpoch = steps / epochs;
  const stepLines = Array.from({ length: steps }, (_, i) => ({
    ...{
      step: i + 1,
      epoch: Math.floor(i / perEpoch),
      lr: 0.1 * (1 - i / steps),
      updated: true,
      skippedSteps: 0,
    },
    loss: 30 * Math.exp(-i / steps) + noise(),
    targetCosine: 0.6 * (i / steps),
    gradNorm: i === 5 ? null : 10 + noise(),
    imagesPerSecond: 900 + 40 * noise(),
    margins: { min: 0.2, mean: 0.4, max: 0.6 },
  }));
  const verification = (epoch: number): Record<string, unknown> =>
    Object.fromEntries(
      sets.map((set, s) => [
        set,
        { name: set, accuracy: 0.9 + epoch / 100 - s / 50, std: 0.01, val: 0.8, pairs: 6000, protocol: 'p' },
      ]),
    );
  const verifications = Array.from({ length: epochs }, (_, e) => {
    return { step: (e + 1) * perEpoch, epoch: e + 1, verification: verification(e) };
  });
  writeLines(
    'metrics.jsonl',
    [...stepLines, ...verifications].sort((a, b) => a.step - b.step),
  );
  const images = Array.from({ length: sample }, () => 2 + Math.floor(80 * (noise() + 0.5) ** 2));
  writeLines(
    'margins.jsonl',
    Array.from({ length: epochs }, (_, e) => {
      const kappa = images.map(() => (100 + 30 * e) * Math.exp(noise()));
      const margin = images.map((count, i) => 0.5 - kappa[i]! / 2000 - count / 400);
      return {
        ...{ step: (e + 1) * perEpoch, epoch: e + 1, classes: sample },
        ...{ kappa: histogram(kappaBins, kappa), margin: histogram(marginBins, margin) },
        sample: { every: 1, images, kappa, margin },
      };
    }),
  );
  const best = { step: steps, meanAccuracy: 0.91, verification: verification(epochs - 1) };
  write('result.json', {
    folder,
    interrupted: false,
    steps,
    skippedSteps: 0,
    seconds: 5000,
    best,
    final: best,
  });
  for (const record of records) await writeRecord(path.join(folder, 'evaluations'), record);
  return folder;
}
