import type { TensorInput } from '../native/contract';

/** The method by which tensors, and promises of them, are read as operands of a call. */
export const asInput = Symbol('as input');

/** What may be read as an operand. */
export interface Source {
  /** @throws KappaError `ERR_DISPOSED` */
  [asInput](): Input;
}

/** Brings an operand that is not there yet: exactly one of the two functions is called, later. */
export type Arrival = (arrived: (input: TensorInput) => void, failed: (error: unknown) => void) => void;

/** An operand as it was read: what the addon takes at once, or what brings that. */
export type Input = TensorInput | Arrival;
