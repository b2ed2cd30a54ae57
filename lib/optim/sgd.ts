import { argumentError } from '../errors';
import { submit } from '../native/submit';
import type { NamedTensors } from '../nn/module';
import { copyState } from '../nn/module';
import { resolveOptions } from '../options/check';
import type { Output } from '../options/schema';
import { Tensor } from '../tensor/tensor';
import { fusedUpdaterOf } from './fused-update';
import type { Optimizer } from './optimizer';
import type { SGDOptions } from './option-types';
import { sgdOptions } from './options';

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
export class SGD implements Optimizer {
  /** Learning rate of the next step; schedules write it. */
  lr: number;
  readonly options: Readonly<Omit<Output<typeof sgdOptions>, 'lr'>>;
  readonly #all: Moving[];
  readonly #separate: Moving[];
  readonly #ready: Promise<unknown>;

  /**
   * @param parameters what requires gradients, and centres of heads with `fusedUpdate`; others are passed over
   * @throws KappaError `ERR_ARGUMENT`
   */
  constructor(parameters: Iterable<Tensor>, options: SGDOptions = {}) {
    const { lr, ...rest } = resolveOptions(sgdOptions(), options);
    this.options = Object.freeze(rest);
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

  get device(): string {
    return (this.#all[0] as Moving).parameter.device;
  }

  /**
   * Updates the parameters by their gradients.
   *
   * @param found float32 (1), such as `unscaleGradients` writes to: where it is not 0, everything stays as it is
   * @throws KappaError `ERR_SHAPE`, `ERR_DTYPE`
   */
  async step(found?: Tensor): Promise<void> {
    const { momentum, weightDecay, nesterov } = this.options;
    const step = { lr: this.lr, momentum, weightDecay, nesterov };
    const fused = this.#all.map(({ parameter, velocity }) =>
      fusedUpdaterOf(parameter)?.applyUpdate(velocity, step, found),
    );
    const parameters = this.#separate.map(({ parameter }) => parameter.handle);
    const velocities = this.#separate.map(({ velocity }) => velocity.handle);
    const noted = found?.handle ?? null;
    await Promise.all([
      submit((addon) => addon.sgdStep(parameters, velocities, step, noted)),
      ...fused,
      this.#ready,
    ]);
  }

  /**
   * Divides all gradients by the factor that the losses were multiplied by; a GradScaler calls it.
   *
   * @param found float32 (1): added to where a gradient is not finite
   */
  async unscaleGradients(scale: number, found: Tensor): Promise<void> {
    const parameters = this.#separate.map(({ parameter }) => parameter.handle);
    const fused = this.#all.flatMap(({ parameter }) => {
      const updater = fusedUpdaterOf(parameter);
      return updater ? [updater.unscaleUpdate(scale), updater.checkUpdate(found)] : [];
    });
    const noted = found.handle;
    await Promise.all([submit((addon) => addon.unscaleGradients(parameters, scale, noted)), ...fused]);
  }

  async zeroGrad({ setToNone = true }: { setToNone?: boolean } = {}): Promise<void> {
    const parameters = this.#separate.map(({ parameter }) => parameter.handle);
    const fused = this.#all.map(({ parameter }) => fusedUpdaterOf(parameter)?.dropUpdate());
    await Promise.all([submit((addon) => addon.zeroGrad(parameters, setToNone)), ...fused]);
  }

  /** The velocities, named by the position of their parameter. */
  stateDict(): NamedTensors {
    return new Map(this.#all.map(({ velocity }, i) => [`velocity.${i}`, velocity]));
  }

  /** @throws KappaError `ERR_CHECKPOINT` */
  async loadStateDict(state: ReadonlyMap<string, Tensor>): Promise<void> {
    await Promise.all([copyState(this.stateDict(), state, 'optimizer'), this.#ready]);
  }

  /** @deprecated use {@link stateDict} */
  state(): NamedTensors {
    return this.stateDict();
  }

  /** @deprecated use {@link loadStateDict} */
  loadState(state: ReadonlyMap<string, Tensor>): Promise<void> {
    return this.loadStateDict(state);
  }

  /** Frees the velocities. */
  dispose(): void {
    for (const { velocity } of this.#all) velocity.dispose();
  }

  /** What `using` does at the end of a block: {@link dispose}. */
  [Symbol.dispose](): void {
    this.dispose();
  }
}
