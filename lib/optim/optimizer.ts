import type { Stateful } from '../nn/module';
import type { Tensor } from '../tensor/tensor';

/** What moves the parameters: all that training and loss scaling know of an optimizer. */
export interface Optimizer extends Stateful, Disposable {
  /** Learning rate of the next step; schedules write it. */
  lr: number;
  /**
   * Updates the parameters by their gradients.
   *
   * @param found float32 (1): nothing is updated where it is not 0, which the device itself looks at
   */
  step(found?: Tensor): Promise<void>;
  /**
   * Divides all gradients by the factor that the losses were multiplied by.
   *
   * @param found float32 (1): added to where a gradient is not finite
   */
  unscaleGradients(scale: number, found: Tensor): Promise<void>;
  /** Drops all gradients. */
  zeroGrad(): Promise<void>;
  dispose(): void;
}
