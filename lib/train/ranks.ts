import type { ResolvedConfig } from '../config/schema';
import type { ProcessGroup } from '../distributed/process-group';
import { KappaError } from '../errors';
import { allHaveHeard, alone, together, type Peers } from '../run/peers';

/** The ranks of a run as those who agree by texts. */
export function peersOf(group: ProcessGroup | undefined): Peers {
  return group ?? alone;
}

/** Does what only rank 0 does, and tells all ranks what came of it. @throws on all ranks what it throws */
export async function fromFirst<T>(peers: Peers, work: () => Promise<T>): Promise<T> {
  const [first] = await together(peers, async () => (peers.rank === 0 ? work() : null));
  return first as T;
}

/** Where a rank computes: for `cuda`, which a run keeps as it is, each has a GPU of its own. */
export function deviceOf({ runtime }: ResolvedConfig, group: ProcessGroup | undefined): string {
  const hasOwn = runtime.device === 'cuda' && group !== undefined && group.device !== 'cpu';
  return hasOwn ? group.device : runtime.device;
}

/**
 * Does on every rank what one on each machine should do before the others: what it leaves on the disk, an index or a drawn
 * set, is there for them then.
 */
export async function leadersFirst<T>(group: ProcessGroup | undefined, work: () => Promise<T>): Promise<T> {
  if (!group) return work();
  const done: T[] = [];
  for (const turn of [true, false]) {
    await together(group, async () => {
      if ((group.localRank === 0) === turn) done.push(await work());
      return null;
    });
  }
  return done[0] as T;
}

/**
 * Checks that all ranks have the same: config, data, versions.
 *
 * @param facts by name, as texts
 * @throws KappaError `ERR_CONFIG` on all ranks, naming each rank that differs from rank 0, in what, and how
 */
export async function mustAgree(peers: Peers, facts: Readonly<Record<string, string>>): Promise<void> {
  if (peers.worldSize === 1) return;
  const all = (await together(peers, () => Promise.resolve(facts))) as Record<string, string>[];
  const [first = {}, ...others] = all;
  const names = new Set(all.flatMap((one) => Object.keys(one)));
  const differences = others.flatMap((own, i) =>
    [...names]
      .filter((name) => own[name] !== first[name])
      .map(
        (name) =>
          `  rank ${i + 1}: ${name} is ${own[name] ?? 'not there'}, on rank 0 ${first[name] ?? 'not there'}`,
      ),
  );
  if (differences.length === 0) return;
  await allHaveHeard(peers);
  throw new KappaError(
    'ERR_CONFIG',
    [`The ${peers.worldSize} ranks of the run do not have the same:`, ...differences].join('\n'),
  );
}

/** What a config says, field by field, without what may differ from rank to rank. */
export function factsOf(config: ResolvedConfig): Record<string, string> {
  const facts: Record<string, string> = {};
  const note = (value: unknown, path: string): void => {
    if (typeof value === 'object' && value !== null && !Array.isArray(value))
      for (const [key, item] of Object.entries(value)) note(item, path === '' ? key : `${path}.${key}`);
    else facts[path] = JSON.stringify(value);
  };
  note({ ...config, runtime: { ...config.runtime, threads: undefined } }, '');
  return facts;
}

/** The batches that a step is made of. */
export interface StepBatches {
  /** Images in one forward pass. */
  size: number;
  /** Forward passes of all ranks together. */
  perStep: number;
}

/**
 * The config by which a rank makes its part of each step. A run keeps its global batch, whatever the number of ranks it
 * goes on with: more passes on each rank, or smaller ones.
 *
 * @param before the batches of the run so far; undefined for a new one, whose config is meant for each rank
 * @throws KappaError `ERR_CONFIG` where so many ranks cannot share the global batch out evenly
 */
export function shareBatches(
  config: ResolvedConfig,
  before: StepBatches | undefined,
  worldSize: number,
): ResolvedConfig {
  const { batchSize, accumulate } = config.train;
  const { size, perStep } = before ?? { size: batchSize, perStep: accumulate * worldSize };
  const withBatches = (own: number, passes: number): ResolvedConfig => ({
    ...config,
    train: { ...config.train, batchSize: own, accumulate: passes },
  });
  if (perStep % worldSize === 0) return withBatches(size, perStep / worldSize);
  const images = size * perStep;
  // Smaller passes: each rank has as many images as before, in the least number of passes that are not larger.
  for (let passes = Math.ceil(perStep / worldSize); passes * worldSize * 2 <= images; passes++)
    if (images % (passes * worldSize) === 0) return withBatches(images / (passes * worldSize), passes);
  const possible = Array.from({ length: images }, (_, i) => i + 1).filter(
    (n) => images % n === 0 && images / n >= 2,
  );
  throw new KappaError(
    'ERR_CONFIG',
    `The run's steps are of ${images} images, which ${worldSize} ranks cannot share out evenly. It goes on with ${possible.join(', ')} ranks.`,
  );
}
