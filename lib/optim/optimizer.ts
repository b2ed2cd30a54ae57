import type { Stateful } from '../nn/module';
import type { Tensor } from '../tensor/tensor';

/** What moves the parameters: all that training and loss scaling know of an optimizer. */
export interface Optimizer extends Stateful, Disposable {
  /** Learning rate of the next step; schedules write it. */
  lr: number;
  /** Where the parameters are: what is found of their gradients is noted there. */
  readonly device: string;
  /**
   * Updates the parameters by their gradients.
   *
   * @param found float32 (1), on `device`: nothing is updated where it is not 0, which the device itself looks at
   */
  step(found?: Tensor): Promise<void>;
  /**
   * Divides all gradients by the factor that the losses were multiplied by.
   *
   * @param found float32 (1), on `device`: added to where a gradient is not finite
   */
  unscaleGradients(scale: number, found: Tensor): Promise<void>;
  /** Drops all gradients, or (`setToNone: false`) fills them with zeros where they are. */
  zeroGrad(options?: { setToNone?: boolean }): Promise<void>;
  /** Frees its state. */
  dispose(): void;
}
