import { mix32, Xoshiro128 } from '../random';

/**
 * Mixes integers into one 32-bit seed: every identity, image and detail of the synthetic set has its own
 * stream, so that nothing depends on the order in which, or the thread on which, it is drawn.
 */
export function hashSeed(...parts: number[]): number {
  return parts.reduce((hash, part) => mix32(Math.imul(hash, 31) + part + 0x9e3779b9), parts.length);
}

/** A stream of random draws that depends on nothing but its seeds. */
export class SynthRandom {
  private readonly source: Xoshiro128;

  constructor(...seeds: number[]) {
    this.source = Xoshiro128.fromSeed(...seeds);
  }

  /** A number in [0, 1). */
  next(): number {
    return this.source.uniform();
  }

  uniform(low: number, high: number): number {
    return low + (high - low) * this.next();
  }

  /** An integer in [0, count). */
  below(count: number): number {
    return this.source.below(count);
  }

  chance(probability: number): boolean {
    return this.next() < probability;
  }

  /** A normal deviate cut off at 2.2 standard deviations, so that no face becomes a caricature. */
  normal(mean = 0, deviation = 1): number {
    const radius = Math.sqrt(-2 * Math.log(1 - this.next()));
    const value = radius * Math.cos(2 * Math.PI * this.next());
    return mean + deviation * Math.max(-2.2, Math.min(2.2, value));
  }

  pick<T>(values: readonly T[]): T {
    return values[this.below(values.length)] as T;
  }

  shuffle<T>(values: T[]): T[] {
    for (let i = values.length - 1; i > 0; i--) {
      const j = this.below(i + 1);
      [values[i], values[j]] = [values[j] as T, values[i] as T];
    }
    return values;
  }
}
