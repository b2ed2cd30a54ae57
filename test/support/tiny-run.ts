import { readFileSync } from 'node:fs';
import path from 'node:path';

import { resolveCheckpoint, resolveConfig } from '../../lib';
import type { Config, ResolvedConfig } from '../../lib';
import { ensureSynthSet } from '../../lib/synth';
import { readMetrics } from '../../lib/run/metrics-log';

/** Draws a handful of synthetic people with a small verification set. */
export function tinyFaces(cache: string): Promise<string> {
  return ensureSynthSet(cache, {
    identities: 6,
    maxImages: 10,
    verificationIdentities: 4,
    pairs: 20,
    singletons: 0.17,
  });
}

/** A run of seconds: a very narrow network on a handful of faces. */
export function tinyConfig(root: string, output: string, changes: Partial<Config> = {}): ResolvedConfig {
  const { data, head, train, ...rest } = changes;
  return resolveConfig({
    name: 'tiny',
    output,
    seed: 5,
    backbone: { depth: 18, widthMultiplier: 0.0625, embeddingSize: 16, dropout: 0.1, precision: 'float32' },
    optimizer: { lr: 0.1, referenceBatchSize: 64 },
    ...rest,
    data: { root, validation: 'auto', workers: 1, ...data },
    head:
      head?.kind === undefined || head.kind === 'kappaface'
        ? { concentration: { kind: 'memory' }, ...head }
        : head,
    train: { epochs: 3, batchSize: 8, logEvery: 1, ...train },
  });
}

/** The metrics of a run without what depends on the clock and the process. */
export function timelessMetrics(run: string): unknown[] {
  return readMetrics(path.join(run, 'metrics.jsonl')).map(
    ({ imagesPerSecond: _speed, residentBytes: _memory, ...rest }) => rest,
  );
}

/** Bytes of every tensor in the last checkpoint of a run, by their checksums. */
export async function checksums(run: string): Promise<unknown> {
  const folder = await resolveCheckpoint(path.join(run, 'checkpoints', 'last'));
  const { files } = JSON.parse(readFileSync(path.join(folder, 'state.json'), 'utf8')) as { files: unknown };
  return files;
}
