import { NCCL_VARIABLES, setVariables } from '../env';
import { KappaError } from '../errors';
import type { GroupTraffic, ProcessGroupHandle, GroupReduction } from '../native/contract';
import { native } from '../native/load';
import { submit } from '../native/submit';
import { Tensor } from '../tensor/tensor';
import { classRange, type ClassRange } from './class-range';
import { localAddress } from './local-address';
import type { RankGroup } from './rank-group';
import { TextChannel } from './text-channel';

/** What a rank must know to meet the others. */
export interface GroupPlace {
  readonly rank: number;
  readonly worldSize: number;
  /** Which of its machine's ranks this one is. @default 0 */
  readonly localRank?: number;
  /** Ranks on its machine, which share the processors. @default 1 */
  readonly localWorldSize?: number;
  /** Host and port of the store that all ranks meet at. */
  readonly masterAddress: string;
  readonly masterPort: number;
  /** Whether whoever started the ranks keeps that store. @default false: rank 0 does */
  readonly storeIsHosted?: boolean;
  /** Address of this machine as the others reach it. @default the one that it reaches the store from */
  readonly nodeAddress?: string;
}

/** How the ranks of a {@link ProcessGroup} reach each other. */
export interface GroupSettings {
  /** Seconds after which whoever waits for another rank gives up. @default 600 */
  timeout?: number;
  /**
   * Whose tensors are exchanged besides those on the CPU: `cpu` for none, one GPU like `cuda:0`, or `cuda` for that of the
   * rank's number on its machine, counted round. @default 'cpu'
   */
  device?: string;
}

const LEAVE_SECONDS = 10;

/**
 * The processes of a run, over c10d: Gloo for tensors on the CPU, NCCL for those on GPUs. All of them make the same calls in the same order. What
 * they exchange goes through the compute thread; a rank that is gone or silent is an error with a name (`ERR_PEER`,
 * `ERR_TIMEOUT`), never a wait without end.
 */
export class ProcessGroup implements RankGroup {
  readonly rank: number;
  readonly worldSize: number;
  /** Which of its machine's ranks this one is: it opens the data first, and takes the GPU of that number. */
  readonly localRank: number;
  /** Ranks on this machine, which share its processors. */
  readonly localWorldSize: number;
  /** Seconds after which whoever waits for another rank gives up. */
  readonly timeout: number;
  /** Where this rank computes: `cpu`, or a GPU like `cuda:0`. */
  readonly device: string;
  #handle: ProcessGroupHandle | undefined;
  readonly #texts: TextChannel;

  private constructor(
    { rank, worldSize, localRank = 0, localWorldSize = 1 }: GroupPlace,
    timeout: number,
    device: string,
    handle: ProcessGroupHandle,
  ) {
    this.rank = rank;
    this.worldSize = worldSize;
    this.localRank = localRank;
    this.localWorldSize = localWorldSize;
    this.timeout = timeout;
    this.device = device;
    this.#handle = handle;
    this.#texts = this.channel('texts');
  }

  /**
   * Meets the other ranks. Every pair of them is connected then.
   *
   * @throws KappaError `ERR_PEER`, `ERR_TIMEOUT`, `ERR_ARGUMENT`, `ERR_DEVICE`
   */
  static async join(
    place: GroupPlace,
    { timeout = 600, device: wanted = 'cpu' }: GroupSettings = {},
  ): Promise<ProcessGroup> {
    const { rank, worldSize, masterAddress, masterPort, storeIsHosted = false } = place;
    const address = place.nodeAddress ?? (await localAddress(masterAddress, masterPort));
    const keepsStore = !storeIsHosted;
    const device = wanted === 'cuda' ? await ownGpu(place.localRank ?? 0) : wanted;
    if (device !== 'cpu') setVariables(NCCL_VARIABLES);
    const options = { rank, worldSize, masterAddress, masterPort, keepsStore, address, timeout, device };
    return new ProcessGroup(place, timeout, device, await submit((addon) => addon.processGroup(options)));
  }

  /** @internal */
  get handle(): ProcessGroupHandle {
    if (this.#handle === undefined)
      throw new KappaError('ERR_DISPOSED', 'This group of processes has been left.');
    return this.#handle;
  }

  /** The classes of this rank. */
  classes(numClasses: number): ClassRange {
    return classRange(numClasses, this.rank, this.worldSize);
  }

  /** The rows of all ranks, one rank after the other; tensors of the same shape and element type. */
  async allGather(rows: Tensor): Promise<Tensor> {
    const wrap = Tensor.wrapper();
    const [group, given] = [this.handle, rows.handle];
    return wrap(await submit((addon) => addon.groupGather(group, given)));
  }

  /** Combines a tensor over all ranks, in place. */
  async allReduce(values: Tensor, operation: GroupReduction = 'sum'): Promise<void> {
    const [group, given] = [this.handle, values.handle];
    await submit((addon) => addon.groupReduce(group, given, operation));
  }

  /** Makes the tensors of all ranks what those of rank 0 are. */
  async broadcast(tensors: Iterable<Tensor>): Promise<void> {
    const [group, handles] = [this.handle, [...tensors].map((tensor) => tensor.handle)];
    await submit((addon) => addon.groupBroadcast(group, handles));
  }

  /**
   * Waits until this rank's GPU has done what was asked of it. On a GPU nobody waits for an exchange, so that one which
   * failed is only found out here: before anything is read of what came of it. On the CPU there is nothing to wait for.
   *
   * @throws KappaError `ERR_PEER`, `ERR_TIMEOUT`
   */
  async settle(): Promise<void> {
    if (this.device === 'cpu') return;
    const group = this.handle;
    await submit((addon) => addon.groupSettle(group));
  }

  /** Says what the run is at, for errors. */
  async atStep(step: number): Promise<void> {
    const group = this.handle;
    await submit((addon) => addon.groupAtStep(group, step));
  }

  /**
   * Gives all ranks the texts of all, in the order of the ranks; nobody gets them before everybody has come. It does not
   * go through the compute thread. One call at a time.
   *
   * @throws KappaError `ERR_PEER`, `ERR_TIMEOUT` naming the rank that did not come
   */
  gatherText(text: string): Promise<string[]> {
    return this.#texts.gatherText(text);
  }

  /** Another way for texts, whose calls are not matched with those of {@link gatherText}. */
  channel(name: string): TextChannel {
    const { rank, worldSize, timeout } = this;
    return new TextChannel({ rank, worldSize, handle: () => this.handle, name, timeout });
  }

  /** What was exchanged so far. */
  get traffic(): GroupTraffic {
    return native().groupTraffic(this.handle);
  }

  /** Leaves the group in order: rank 0 waits a moment until all others have left. */
  async leave(): Promise<void> {
    if (this.#handle === undefined) return;
    const group = this.#handle;
    await submit((addon) => addon.groupLeave(group, LEAVE_SECONDS));
    this.dispose();
  }

  /** Lets go of the group at once; the others take notice. */
  dispose(): void {
    if (this.#handle === undefined) return;
    native().disposeProcessGroup(this.#handle);
    this.#handle = undefined;
  }
}

/** Each rank of a machine its own GPU, of those that may be used. */
async function ownGpu(localRank: number): Promise<string> {
  const { length } = await submit((addon) => addon.cudaDevices());
  if (length === 0)
    throw new KappaError(
      'ERR_DEVICE',
      "The device 'cuda' is not available: this build or this machine has no CUDA. Use 'cpu'.",
    );
  return `cuda:${localRank % length}`;
}
