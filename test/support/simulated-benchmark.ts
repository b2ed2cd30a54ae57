import { Xoshiro128 } from '../../lib/random';

const DIMENSION = 8;

/** People whose pictures scatter, some more than others, about a direction of their own. */
export class SimulatedPeople {
  readonly #random: Xoshiro128;
  #spare: number | undefined;

  constructor(seed: number) {
    this.#random = Xoshiro128.fromSeed(seed);
  }

  below(bound: number): number {
    return this.#random.below(bound);
  }

  /** `count` pictures of somebody new: unit vectors. */
  person(count: number, scatter = 0.34): Float64Array[] {
    const own = scatter * Math.exp(0.35 * this.#normal());
    const centre = unit(Float64Array.from({ length: DIMENSION }, () => this.#normal()));
    return Array.from({ length: count }, () => unit(centre.map((value) => value + own * this.#normal())));
  }

  #normal(): number {
    if (this.#spare !== undefined) {
      const value = this.#spare;
      this.#spare = undefined;
      return value;
    }
    const radius = Math.sqrt(-2 * Math.log(1 - this.#random.uniform()));
    const angle = 2 * Math.PI * this.#random.uniform();
    this.#spare = radius * Math.sin(angle);
    return radius * Math.cos(angle);
  }
}

function unit(vector: Float64Array): Float64Array {
  const length = Math.hypot(...vector);
  return vector.map((value) => value / length);
}

export function squaredDistance(a: Float64Array, b: Float64Array): number {
  return a.reduce((sum, value, i) => sum + (value - b[i]!) ** 2, 0);
}
