import type { Stateful } from '../nn/module';

/** What moves the parameters: all that training and loss scaling know of an optimizer. */
export interface Optimizer extends Stateful, Disposable {
  /** Learning rate of the next step; schedules write it. */
  lr: number;
  /** Updates the parameters by their gradients. */
  step(): Promise<void>;
  /**
   * Divides all gradients by the factor that the losses were multiplied by.
   *
   * @returns whether all gradients are finite
   */
  unscaleGradients(scale: number): Promise<boolean>;
  /** Drops all gradients. */
  zeroGrad(): Promise<void>;
  dispose(): void;
}
