import { resolveOptions } from '../options/check';
import type { Output } from '../options/schema';
import { scope } from '../tensor/scope';
import type { Tensor } from '../tensor/tensor';
import type { TensorPromise } from '../tensor/tensor-operations';
import { nothingFound } from './decision';
import type { Optimizer } from './optimizer';
import type { GradScalerOptions } from './option-types';
import { gradScalerOptions } from './options';

/** What a checkpoint keeps of a scaler. */
export interface GradScalerState {
  scale: number;
  /** Good steps since the factor last changed. */
  goodSteps: number;
}

/**
 * Loss scaling for float16 (Micikevicius et al., 2018): the loss is multiplied by a factor, so that small gradients do
 * not vanish in float16, and the gradients are divided by it before the step. A step whose gradients overflowed is left
 * out and the factor lowered; after many good ones it is raised.
 *
 * @example
 * await scaler.scale(loss).backward();
 * await scaler.step(optimizer);
 * scaler.update();
 */
export class GradScaler {
  readonly options: Readonly<Output<typeof gradScalerOptions>>;
  #scale: number;
  #goodSteps = 0;
  /** Whether the gradients of this step were unscaled, and found finite. */
  #finite: boolean | undefined;

  /** @throws KappaError `ERR_ARGUMENT` */
  constructor(options: GradScalerOptions = {}) {
    this.options = Object.freeze(resolveOptions(gradScalerOptions(), options));
    this.#scale = this.options.initialScale;
  }

  /** The factor of the step under way. */
  get factor(): number {
    return this.#scale;
  }

  /** The loss times the factor: call `backward` on it. */
  scale(loss: Tensor): TensorPromise {
    return loss.mul(this.#scale);
  }

  /**
   * Divides the optimizer's gradients by the factor, for whoever looks at them before the step (clipping). At most once
   * a step.
   *
   * @returns whether all of them are finite
   */
  async unscale(optimizer: Optimizer): Promise<boolean> {
    return this.#once(optimizer, async () => undefined);
  }

  /**
   * The optimizer's step, where the gradients are finite.
   *
   * @returns whether the step was made
   */
  async step(optimizer: Optimizer): Promise<boolean> {
    if (this.#finite !== undefined) {
      if (this.#finite) await optimizer.step();
      return this.#finite;
    }
    // Nobody needs the gradients before: the step looks itself whether they are finite.
    return this.#once(optimizer, (found) => optimizer.step(found));
  }

  /** Unscales where that was not done yet, does what follows, and waits for what was found. */
  async #once(optimizer: Optimizer, next: (found: Tensor) => Promise<void>): Promise<boolean> {
    this.#finite ??= await scope(async () => {
      const found = await nothingFound(optimizer.device);
      await optimizer.unscaleGradients(this.#scale, found);
      await next(found);
      return (await found.item()) === 0;
    });
    return this.#finite;
  }

  /**
   * Sets the factor for the next step. Call it after each.
   *
   * @param good whether the step was made; by default what `unscale` found
   */
  update(good = this.#finite ?? true): void {
    const { growthFactor, backoffFactor, growthInterval } = this.options;
    this.#finite = undefined;
    this.#goodSteps = good ? this.#goodSteps + 1 : 0;
    if (!good) this.#scale = Math.max(Number.MIN_VALUE, this.#scale * backoffFactor);
    else if (this.#goodSteps === growthInterval) {
      this.#scale = Math.min(Number.MAX_VALUE, this.#scale * growthFactor);
      this.#goodSteps = 0;
    }
  }

  /** Factor and good steps in a row. */
  stateDict(): GradScalerState {
    return { scale: this.#scale, goodSteps: this.#goodSteps };
  }

  /** Takes over what {@link stateDict} gave. */
  loadStateDict({ scale, goodSteps }: GradScalerState): void {
    this.#scale = scale;
    this.#goodSteps = goodSteps;
    this.#finite = undefined;
  }

  /** @deprecated use {@link stateDict} */
  state(): GradScalerState {
    return this.stateDict();
  }

  /** @deprecated use {@link loadStateDict} */
  loadState(state: GradScalerState): void {
    this.loadStateDict(state);
  }
}
