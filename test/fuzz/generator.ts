import { Xoshiro128 } from '../../lib/random';
import { mutate, type MutationPool } from './mutations';
import type { FuzzTarget } from './target';

const DEFAULT_MAX_BYTES = 1 << 16;
const MAX_KEPT = 2048;
const MAX_KEPT_BYTES = 1 << 14;

/**
 * The inputs of a campaign. Input i depends on the seed, on i and on the inputs kept before it, and on nothing else: a
 * campaign that is repeated, or goes on from its saved state, gives the same ones.
 */
export class InputGenerator {
  readonly #target: FuzzTarget;
  readonly #seed: number;
  readonly #seeds: readonly Buffer[];
  readonly #kept: Buffer[];
  readonly #corpus: Buffer[];
  readonly #pool: MutationPool;

  private constructor(target: FuzzTarget, seed: number, seeds: readonly Buffer[], kept: Buffer[]) {
    this.#target = target;
    this.#seed = seed;
    this.#seeds = seeds;
    this.#kept = kept;
    this.#corpus = [...seeds, ...kept];
    this.#pool = {
      tokens: (target.tokens ?? []).map((token) => Buffer.from(token as string, 'latin1')),
      corpus: this.#corpus,
      maxBytes: target.maxBytes ?? DEFAULT_MAX_BYTES,
    };
  }

  /** @param kept what an earlier part of the campaign kept, in its order */
  static async create(
    target: FuzzTarget,
    seed: number,
    kept: readonly Buffer[] = [],
  ): Promise<InputGenerator> {
    return new InputGenerator(target, seed, await target.seeds(), [...kept]);
  }

  get kept(): readonly Buffer[] {
    return this.#kept;
  }

  /** Input number `index`: the seeds as they are first, then mutations of seeds and of what was kept. */
  input(index: number): Buffer {
    if (index < this.#seeds.length) return this.#seeds[index]!;
    const random = Xoshiro128.fromSeed(this.#seed, index);
    const pick = (from: readonly Buffer[]) => from[random.below(from.length)]!;
    let input = pick(random.below(3) === 0 ? this.#seeds : this.#corpus);
    const own = this.#target.mutations ?? [];
    for (let round = 2 ** random.below(4); round > 0; round--) {
      const change = own.length > 0 && random.below(2) === 0 ? own[random.below(own.length)]! : mutate;
      input = change(input, random, this.#pool).subarray(0, this.#pool.maxBytes);
    }
    return this.#target.repair && random.below(4) > 0 ? this.#target.repair(input, random) : input;
  }

  /** Keeps an input as a seed for later ones. */
  keep(input: Buffer): void {
    if (this.#kept.length >= MAX_KEPT || input.length > MAX_KEPT_BYTES) return;
    const copy = Buffer.from(input);
    this.#kept.push(copy);
    this.#corpus.push(copy);
  }
}
