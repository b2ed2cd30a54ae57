import type { SgdOptions } from '../native/contract';
import type { Tensor } from '../tensor/tensor';

/** Whoever updates a parameter itself, while it computes the gradient. */
export interface FusedUpdater {
  /**
   * Moves the parameter and its velocity by the gradients of all backward passes since the last update; not where
   * `found` (float32, 1) is given and not 0.
   */
  applyUpdate(velocity: Tensor, step: SgdOptions, found?: Tensor): Promise<void>;
  /** Divides those gradients by the factor that their losses were multiplied by. */
  unscaleUpdate(scale: number): Promise<void>;
  /** Adds to `found` (float32, 1, on the parameter's device) where one of those gradients is not finite. */
  checkUpdate(found: Tensor): Promise<void>;
  /** Forgets those passes. */
  dropUpdate(): Promise<void>;
}

const updaters = new WeakMap<Tensor, FusedUpdater>();

/** Hands the update of a parameter, which needs no gradient then, to the module it belongs to. */
export function setFusedUpdater(parameter: Tensor, updater: FusedUpdater): void {
  updaters.set(parameter, updater);
}

/** Who updates a parameter; undefined: its optimizer does, by its gradient. */
export function fusedUpdaterOf(parameter: Tensor): FusedUpdater | undefined {
  return updaters.get(parameter);
}
