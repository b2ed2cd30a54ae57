import { KappaError, argumentError } from '../errors';
import type { NetworkHandle, Precision } from '../native/contract';
import { native } from '../native/load';
import { submit } from '../native/submit';
import { Tensor } from '../tensor/tensor';
import { checkPrecision, loadState } from './module';
import type { NamedTensors, Stateful } from './module';

/** Residual blocks of the four layers by depth. */
const blocksOfDepth = {
  18: [2, 2, 2, 2],
  34: [3, 4, 6, 3],
  50: [3, 4, 14, 3],
  100: [3, 13, 30, 3],
  200: [6, 26, 60, 6],
} as const;

/** Depths that have a name in the field. */
export type IResNetDepth = keyof typeof blocksOfDepth;

export interface IResNetOptions {
  /** 18, 34, 50, 100 or 200 layers. */
  depth: IResNetDepth;
  /** Dimension of the embeddings; 512 by default. */
  embeddingSize?: number;
  /** Factor on the channels 64, 128, 256, 512 of the layers; 1 by default. */
  widthMultiplier?: number;
  /** Share of the last feature map that is dropped in training; 0 by default. */
  dropout?: number;
  /**
   * `bf16` and `float16` run the convolutions in bfloat16 and float16; weights, batch statistics and the last linear
   * layer stay float32. float16 is meant for GPUs and needs a {@link GradScaler}. `float32` by default.
   */
  precision?: Precision;
  /** Side of the square images in pixels, a multiple of 16; 112 by default. */
  imageSize?: number;
  /** Where the parameters are: `cpu` (by default), `cuda` or `cuda:N`. */
  device?: string;
}

/**
 * IResNet, the residual network of ArcFace. Parameters carry the names of insightface's `iresnet.py`
 * (`layer1.0.conv1.weight`, `features.running_mean`, ...). Random weights come from the generator that
 * `manualSeed` sets.
 *
 * @example
 * const backbone = new IResNet({ depth: 50, precision: 'bf16' });
 * const embeddings = await backbone.forward(images); // (batch, 3, 112, 112) -> (batch, 512)
 */
export class IResNet implements Stateful {
  readonly options: Required<IResNetOptions>;
  #handle: NetworkHandle | undefined;
  readonly #parameters: NamedTensors;
  readonly #buffers: NamedTensors;
  readonly #ready: Promise<void>;
  #training = true;

  /** @throws KappaError `ERR_ARGUMENT`, `ERR_DEVICE` */
  constructor(options: IResNetOptions) {
    this.options = {
      embeddingSize: 512,
      widthMultiplier: 1,
      dropout: 0,
      precision: 'float32',
      imageSize: 112,
      device: 'cpu',
      ...options,
    };
    const { depth, embeddingSize, widthMultiplier, dropout, precision, imageSize, device } = this.options;
    if (!(depth in blocksOfDepth)) throw argumentError('depth', Object.keys(blocksOfDepth).join(', '), depth);
    checkPrecision(precision);
    const addon = native();
    const handle = addon.iresnet(
      [...blocksOfDepth[depth]],
      widthMultiplier,
      embeddingSize,
      dropout,
      precision,
      imageSize,
      device,
    );
    this.#handle = handle;
    const named = ([names, tensors]: ReturnType<typeof addon.iresnetParameters>): NamedTensors =>
      new Map(names.map((name, i) => [name, Tensor.wrap(tensors[i] as never).keep()]));
    this.#parameters = named(addon.iresnetParameters(handle));
    this.#buffers = named(addon.iresnetBuffers(handle));
    this.#ready = submit((queue) => queue.iresnetInitialize(handle));
    this.#ready.catch(() => undefined); // reported by the first forward
  }

  /** @internal */
  get handle(): NetworkHandle {
    if (this.#handle === undefined) throw new KappaError('ERR_DISPOSED', 'This backbone has been disposed.');
    return this.#handle;
  }

  /** Whether batches are normalised by their own statistics, and dropout is on. */
  get training(): boolean {
    return this.#training;
  }

  /** Chooses training behaviour (batch statistics, dropout). */
  train(on = true): this {
    this.#training = on;
    return this;
  }

  /** Chooses evaluation behaviour (running statistics, no dropout). */
  eval(): this {
    return this.train(false);
  }

  /**
   * Computes embeddings.
   *
   * @param images float32 (batch, 3, imageSize, imageSize), values -1 to 1
   * @returns float32 (batch, embeddingSize), not normalised
   * @throws KappaError `ERR_SHAPE`, `ERR_DTYPE`
   */
  async forward(images: Tensor): Promise<Tensor> {
    const [handle, input, training] = [this.handle, images.handle, this.#training];
    // The queue keeps the order; waiting for the initial weights only brings up their errors.
    const [output] = await Promise.all([
      submit((addon) => addon.iresnetForward(handle, input, training)),
      this.#ready,
    ]);
    return Tensor.wrap(output);
  }

  /** What the optimizer updates. */
  parameters(): Tensor[] {
    return [...this.#parameters.values()];
  }

  namedParameters(): NamedTensors {
    return new Map(this.#parameters);
  }

  /** Parameters and running statistics by their standard names. */
  state(): NamedTensors {
    return new Map([...this.#parameters, ...this.#buffers]);
  }

  /** @throws KappaError `ERR_CHECKPOINT` */
  async loadState(state: ReadonlyMap<string, Tensor>): Promise<void> {
    await Promise.all([loadState(this.state(), state, 'backbone'), this.#ready]);
  }

  /** A network of its own with the same weights. */
  async clone(): Promise<IResNet> {
    const copy = new IResNet(this.options);
    await copy.loadState(this.state());
    return copy;
  }

  /** Moves every parameter by p <- momentum p + (1 - momentum) p_source and copies the running statistics. */
  async follow(source: IResNet, momentum: number): Promise<void> {
    const [handle, other] = [this.handle, source.handle];
    return submit((addon) => addon.iresnetFollow(handle, other, momentum));
  }

  /** Copies the running statistics aside. */
  async keepBuffers(): Promise<void> {
    const handle = this.handle;
    return submit((addon) => addon.iresnetKeepBuffers(handle));
  }

  /** Brings back the running statistics of the last `keepBuffers`, after a batch whose values were not finite. */
  async restoreBuffers(): Promise<void> {
    const handle = this.handle;
    return submit((addon) => addon.iresnetRestoreBuffers(handle));
  }

  /** Frees all parameters. Further calls do nothing. */
  dispose(): void {
    if (this.#handle === undefined) return;
    for (const tensor of this.state().values()) tensor.dispose();
    native().disposeNetwork(this.#handle);
    this.#handle = undefined;
  }

  [Symbol.dispose](): void {
    this.dispose();
  }
}
