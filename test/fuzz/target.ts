import type { KappaErrorCode } from '../../lib/errors';
import type { Xoshiro128 } from '../../lib/random';
import type { Mutation } from './mutations';

/** What was read, roughly (counts, kinds). An input with an answer that is new is kept as a seed for further ones. */
export type Feature = string | number;

/** A parser under test: where its inputs come from, and what it may answer. */
export interface FuzzTarget {
  readonly name: string;
  /** What is parsed, in a few words. */
  readonly about: string;
  /** The only codes of a KappaError that bad input may lead to; any other error is a finding. */
  readonly codes: readonly KappaErrorCode[];
  /** Longest message an error may have, in characters. @default 1000 */
  readonly maxMessage?: number;
  /** Small valid inputs. */
  seeds(): Promise<Buffer[]> | Buffer[];
  /** Words of the format, which mutations insert. */
  readonly tokens?: readonly (string | Buffer)[];
  /** Mutations that know the format; half of all are taken from them. */
  readonly mutations?: readonly Mutation[];
  /** Makes checksums and outer lengths true again, so that mutations get past them. Skipped for one input in four. */
  repair?(input: Buffer, random: Xoshiro128): Buffer;
  /** @default 65536 */
  readonly maxBytes?: number;
  /** Address space in MiB that the process may take up; reserved for Node itself is about 1100. @default 4096 */
  readonly addressSpaceMiB?: number;
  /** Number of inputs of the everyday test: a few seconds. */
  readonly everydayInputs: number;
  /**
   * Makes the function that parses one input. It throws a KappaError for bad input, and anything else (an assertion,
   * for instance) for what must not be.
   * @param scratch a folder of its own
   */
  open(scratch: string): Parse;
}

export type Parse = (input: Buffer) => Feature | Promise<Feature>;
