/** The 64-bit mixing generator of Steele, Lea and Flood (SplitMix64); used to spread seeds, not for bulk numbers. */
export class SplitMix64 {
  #state: bigint;

  /** @param seed any integer; taken modulo 2^64. */
  constructor(seed: number | bigint) {
    this.#state = BigInt.asUintN(64, BigInt(seed));
  }

  /** The next 64-bit number. */
  next(): bigint {
    this.#state = BigInt.asUintN(64, this.#state + 0x9e3779b97f4a7c15n);
    let z = this.#state;
    z = BigInt.asUintN(64, (z ^ (z >> 30n)) * 0xbf58476d1ce4e5b9n);
    z = BigInt.asUintN(64, (z ^ (z >> 27n)) * 0x94d049bb133111ebn);
    return z ^ (z >> 31n);
  }
}

/** The xoshiro128** 1.1 generator of Blackman and Vigna: fast 32-bit numbers, the same on every machine. */
export class Xoshiro128 {
  readonly #s: Uint32Array;

  /** @param state four 32-bit words, not all zero. */
  constructor(state: readonly [number, number, number, number]) {
    this.#s = Uint32Array.from(state);
  }

  /** A generator whose state depends on every bit of all the given integers and on their order. */
  static fromSeed(...seeds: number[]): Xoshiro128 {
    const [a, b] = mixSeeds(seeds);
    return new Xoshiro128([
      Number(a >> 32n),
      Number(a & 0xffffffffn),
      Number(b >> 32n),
      Number(b & 0xffffffffn),
    ]);
  }

  /** Begins anew with another state (four 32-bit words, not all zero), without another object. */
  reseed(a: number, b: number, c: number, d: number): void {
    this.#s[0] = a;
    this.#s[1] = b;
    this.#s[2] = c;
    this.#s[3] = d;
  }

  /** The next integer in [0, 2^32). */
  next(): number {
    const s = this.#s as unknown as [number, number, number, number];
    const product = Math.imul(s[1], 5);
    const result = Math.imul((product << 7) | (product >>> 25), 9) >>> 0;
    const t = s[1] << 9;
    s[2] ^= s[0];
    s[3] ^= s[1];
    s[1] ^= s[2];
    s[0] ^= s[3];
    s[2] ^= t;
    s[3] = (s[3] << 11) | (s[3] >>> 21);
    return result;
  }

  /** The next integer in [0, bound), without bias. @param bound 1 to 2^32. */
  below(bound: number): number {
    // Values under 2^32 mod bound would make the small remainders more likely: draw again.
    const reject = 0x100000000 % bound;
    let value = this.next();
    while (value < reject) value = this.next();
    return value % bound;
  }

  /** The next number in [0, 1) with 32 random bits. */
  uniform(): number {
    return this.next() / 0x100000000;
  }
}

/** Two 64-bit words that depend on every bit of all the given integers and on their order; never both zero. */
export function mixSeeds(seeds: readonly number[]): [bigint, bigint] {
  let state = BigInt(seeds.length);
  for (const seed of seeds) state = new SplitMix64(state ^ BigInt.asUintN(64, BigInt(seed))).next();
  const mixer = new SplitMix64(state);
  const a = mixer.next();
  const b = mixer.next();
  return a === 0n && b === 0n ? [1n, 0n] : [a, b];
}

/** Shuffles in place (Fisher and Yates); every order is equally likely. */
export function shuffle(values: Uint32Array, random: Xoshiro128): void {
  for (let i = values.length - 1; i > 0; i--) {
    const j = random.below(i + 1);
    const held = values[i]!;
    values[i] = values[j]!;
    values[j] = held;
  }
}

/** Mixes a 32-bit word so that every input bit reaches every output bit (the finaliser of MurmurHash3). */
export function mix32(value: number): number {
  let h = value | 0;
  h = Math.imul(h ^ (h >>> 16), 0x85ebca6b);
  h = Math.imul(h ^ (h >>> 13), 0xc2b2ae35);
  return (h ^ (h >>> 16)) >>> 0;
}
