import { argumentError } from '../errors';
import { submit } from '../native/submit';
import type { NamedTensors, Stateful } from '../nn/module';
import { loadState } from '../nn/module';
import { Tensor } from '../tensor/tensor';
import { fusedUpdaterOf } from './fused-update';

export interface SGDOptions {
  /** Learning rate. */
  lr: number;
  /** Share of the last step's direction that stays; 0 by default. */
  momentum?: number;
  /** L2 penalty, added to the gradient; 0 by default. */
  weightDecay?: number;
  /** Nesterov's momentum; off by default. */
  nesterov?: boolean;
}

function checkRange(name: string, value: number, low: number, high: number): void {
  if (typeof value !== 'number' || !(value >= low) || !(value < high)) {
    throw argumentError(
      name,
      `a number of at least ${low}${high === Infinity ? '' : ` and below ${high}`}`,
      value,
    );
  }
}

/** A parameter with its velocity. */
interface Moving {
  parameter: Tensor;
  velocity: Tensor;
}

/**
 * Stochastic gradient descent: g <- grad + weightDecay p; v <- momentum v + g; p <- p - lr v, in one pass over all
 * parameters. Parameters without a gradient are left alone. Centres of a head with `fusedUpdate` are moved by the
 * head, at the same moment and by the same rule.
 */
export class SGD implements Stateful {
  /** Learning rate of the next step; schedules write it. */
  lr: number;
  readonly options: Required<Omit<SGDOptions, 'lr'>>;
  readonly #all: Moving[];
  readonly #separate: Moving[];
  readonly #ready: Promise<unknown>;

  constructor(parameters: Iterable<Tensor>, options: SGDOptions) {
    const { lr, ...rest } = options;
    this.options = { momentum: 0, weightDecay: 0, nesterov: false, ...rest };
    checkRange('lr', lr, 0, Infinity);
    checkRange('momentum', this.options.momentum, 0, 1);
    checkRange('weightDecay', this.options.weightDecay, 0, Infinity);
    this.lr = lr;
    const moved = [...parameters].filter((tensor) => tensor.requiresGrad || fusedUpdaterOf(tensor));
    if (moved.length === 0) {
      throw argumentError('parameters', 'at least one tensor that requires gradients', []);
    }
    this.#all = moved.map((parameter) => ({ parameter, velocity: Tensor.emptyLike(parameter).keep() }));
    this.#separate = this.#all.filter(({ parameter }) => !fusedUpdaterOf(parameter));
    this.#ready = Promise.all(this.#all.map(({ velocity }) => velocity.fill(0)));
    this.#ready.catch(() => undefined); // reported by the first step
  }

  /** Updates the parameters by their gradients. */
  async step(): Promise<void> {
    const { momentum, weightDecay, nesterov } = this.options;
    const step = { lr: this.lr, momentum, weightDecay, nesterov };
    const fused = this.#all.map(({ parameter, velocity }) =>
      fusedUpdaterOf(parameter)?.applyUpdate(velocity, step),
    );
    const parameters = this.#separate.map(({ parameter }) => parameter.handle);
    const velocities = this.#separate.map(({ velocity }) => velocity.handle);
    await Promise.all([
      submit((addon) => addon.sgdStep(parameters, velocities, step.lr, momentum, weightDecay, nesterov)),
      ...fused,
      this.#ready,
    ]);
  }

  /**
   * Divides all gradients by the factor that the losses were multiplied by; {@link GradScaler} calls it.
   *
   * @returns whether all gradients are finite. Those of fused centres are, where the loss was.
   */
  async unscaleGradients(scale: number): Promise<boolean> {
    const parameters = this.#separate.map(({ parameter }) => parameter.handle);
    const fused = this.#all.map(({ parameter }) => fusedUpdaterOf(parameter)?.unscaleUpdate(scale));
    const [finite] = await Promise.all([
      submit((addon) => addon.unscaleGradients(parameters, scale)),
      ...fused,
    ]);
    return finite;
  }

  /** Drops all gradients. */
  async zeroGrad(): Promise<void> {
    const parameters = this.#separate.map(({ parameter }) => parameter.handle);
    const fused = this.#all.map(({ parameter }) => fusedUpdaterOf(parameter)?.dropUpdate());
    await Promise.all([submit((addon) => addon.zeroGrad(parameters)), ...fused]);
  }

  /** The velocities, named by the position of their parameter. */
  state(): NamedTensors {
    return new Map(this.#all.map(({ velocity }, i) => [`velocity.${i}`, velocity]));
  }

  /** @throws KappaError `ERR_CHECKPOINT` */
  async loadState(state: ReadonlyMap<string, Tensor>): Promise<void> {
    await Promise.all([loadState(this.state(), state, 'optimizer'), this.#ready]);
  }

  /** Frees the velocities. */
  dispose(): void {
    for (const { velocity } of this.#all) velocity.dispose();
  }

  [Symbol.dispose](): void {
    this.dispose();
  }
}
