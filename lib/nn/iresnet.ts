import { KappaError, argumentError } from '../errors';
import type { RankGroup } from '../distributed/rank-group';
import type { LayerTrace, NetworkHandle, Precision } from '../native/contract';
import { native } from '../native/load';
import { submit } from '../native/submit';
import { resolveOptions } from '../options/check';
import type { Output } from '../options/schema';
import { choosePrecision } from '../runtime/precision';
import { Tensor } from '../tensor/tensor';
import type { Backbone } from './backbone';
import { copyState } from './module';
import type { NamedTensors } from './module';
import type { IResNetOptions } from './option-types';
import { iresnetOptions } from './options';

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

/**
 * IResNet, the residual network of ArcFace. Parameters carry the names of insightface's `iresnet.py`
 * (`layer1.0.conv1.weight`, `features.running_mean`, ...). Random weights come from the generator that
 * `manualSeed` sets.
 *
 * @example
 * const backbone = new IResNet({ depth: 50 });
 * const embeddings = await backbone.forward(images); // (batch, 3, 112, 112) -> (batch, 512)
 */
export class IResNet implements Backbone {
  /** As given, defaults filled in; a precision of `auto` has been decided. */
  readonly options: Readonly<Output<typeof iresnetOptions> & { precision: Precision }>;
  #handle: NetworkHandle | undefined;
  readonly #parameters: NamedTensors;
  readonly #buffers: NamedTensors;
  readonly #ready: Promise<void>;
  #training = true;

  /** @throws KappaError `ERR_ARGUMENT`, `ERR_DEVICE` */
  constructor(options: IResNetOptions = {}) {
    const resolved = resolveOptions(iresnetOptions(), options);
    const chosen = choosePrecision(resolved.precision, resolved.device);
    this.options = Object.freeze({ ...resolved, precision: chosen });
    const { depth, embeddingSize, widthMultiplier, dropout, precision, imageSize, device } = this.options;
    const addon = native();
    const blocks = [...blocksOfDepth[depth]];
    const shape = { blocks, widthMultiplier, embeddingSize, dropout, precision, imageSize, device };
    const handle = addon.iresnet(shape);
    this.#handle = handle;
    const named = (list: ReturnType<typeof addon.networkParameters>): NamedTensors =>
      new Map(list.map(({ name, tensor }) => [name, Tensor.wrap(tensor).keep()]));
    this.#parameters = named(addon.networkParameters(handle));
    this.#buffers = named(addon.networkBuffers(handle));
    this.#ready = submit((queue) => queue.networkInitialize(handle));
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
    const wrap = Tensor.wrapper();
    const [handle, input, training] = [this.handle, images.handle, this.#training];
    // The queue keeps the order; waiting for the initial weights only brings up their errors.
    const [output] = await Promise.all([
      submit((addon) => addon.networkForward(handle, input, training)),
      this.#ready,
    ]);
    return wrap(output);
  }

  /** What the optimizer updates. */
  parameters(): Tensor[] {
    return [...this.#parameters.values()];
  }

  /** What the optimizer updates, by the names of the PyTorch code. */
  namedParameters(): NamedTensors {
    return new Map(this.#parameters);
  }

  /** Parameters and running statistics by their standard names. */
  stateDict(): NamedTensors {
    return new Map([...this.#parameters, ...this.#buffers]);
  }

  /** @throws KappaError `ERR_CHECKPOINT` */
  async loadStateDict(state: ReadonlyMap<string, Tensor>): Promise<void> {
    await Promise.all([copyState(this.stateDict(), state, 'backbone'), this.#ready]);
  }

  /** @deprecated use {@link stateDict} */
  state(): NamedTensors {
    return this.stateDict();
  }

  /** @deprecated use {@link loadStateDict} */
  loadState(state: ReadonlyMap<string, Tensor>): Promise<void> {
    return this.loadStateDict(state);
  }

  like(): IResNet {
    return new IResNet(this.options);
  }

  /** A network of its own with the same weights. */
  async clone(): Promise<IResNet> {
    const copy = this.like();
    await copy.loadStateDict(this.stateDict());
    return copy;
  }

  /** @throws KappaError `ERR_ARGUMENT` where the source is a backbone of another kind, `ERR_SHAPE` */
  async follow(source: Backbone, momentum: number): Promise<void> {
    if (!(source instanceof IResNet)) throw argumentError('source', 'an IResNet to follow', source);
    const [handle, other] = [this.handle, source.handle];
    return submit((addon) => addon.networkFollow(handle, other, momentum));
  }

  /** Copies the running statistics aside. */
  async keepBuffers(): Promise<void> {
    const handle = this.handle;
    return submit((addon) => addon.networkKeepBuffers(handle));
  }

  /** Brings back the running statistics of the last `keepBuffers`, after a batch whose values were not finite. */
  async restoreBuffers(): Promise<void> {
    const handle = this.handle;
    return submit((addon) => addon.networkRestoreBuffers(handle));
  }

  async mergeStatistics(group: RankGroup): Promise<void> {
    const [handle, ranks] = [this.handle, group.handle];
    return submit((addon) => addon.networkMergeStatistics(handle, ranks));
  }

  async normalizeOver(group: RankGroup | undefined): Promise<void> {
    const [handle, ranks] = [this.handle, group?.handle ?? null];
    return submit((addon) => addon.networkNormalizeOver(handle, ranks));
  }

  async traced(work: () => Promise<unknown>): Promise<LayerTrace> {
    const handle = this.handle;
    const trace = (on: boolean): Promise<LayerTrace> => submit((addon) => addon.networkTrace(handle, on));
    await trace(true);
    let seen: LayerTrace;
    try {
      await work();
    } finally {
      seen = await trace(false);
    }
    return seen;
  }

  /** Frees all parameters. Further calls do nothing. */
  dispose(): void {
    if (this.#handle === undefined) return;
    for (const tensor of this.stateDict().values()) tensor.dispose();
    native().disposeNetwork(this.#handle);
    this.#handle = undefined;
  }

  /** What `using` does at the end of a block: {@link dispose}. */
  [Symbol.dispose](): void {
    this.dispose();
  }
}
