import type { ProcessGroup } from '../distributed/process-group';
import { KappaError } from '../errors';
import type { ResolvedConfig } from '../config/schema';
import type { TensorGroups } from '../run/checkpoint-layout';
import { scope } from '../tensor/scope';
import type { Tensor } from '../tensor/tensor';
import { checkpointMemory } from './checkpoint-memory';
import { checkpointTensors } from './checkpoint-tensors';
import { randomStates } from './restore';
import type { Session } from './session';

export interface SaveOptions {
  /** The generators' states, where those of now are not the right ones. */
  random?: ReadonlyMap<string, Tensor>;
  /** False: `last` goes on naming the checkpoint before. @default true */
  last?: boolean;
  /** Called when it is on the disk. */
  onSaved?: (folder: string) => Promise<void>;
  /** Told where memory is too short to write beside training; once a run. */
  onMessage?: (text: string) => void;
}

/**
 * Begins to write a checkpoint of where a run stands, when the one before is on the disk; `session.saves` knows when this
 * one is. Weights that are not finite are not written: what is on disk stays good.
 *
 * @returns when training may go on
 * @throws KappaError `ERR_NOT_FINITE`, `ERR_IO`; what the checkpoint before failed with
 */
export async function saveCheckpoint(
  session: Session,
  config: ResolvedConfig,
  { random, last = true, onSaved, onMessage }: SaveOptions = {},
): Promise<void> {
  const { model, state, folder, saves } = session;
  await saves.settled();
  const drawn = random ? undefined : await randomStates(model.backbone.options.device);
  try {
    const tensors = checkpointTensors(model, new Map(random ?? drawn));
    const broken = await firstBroken({ ...tensors.shared, ...tensors.sharded }, session.group);
    if (broken !== undefined)
      throw new KappaError(
        'ERR_NOT_FINITE',
        `Training stopped at step ${state.step}: the weights hold values that are not finite (${broken}), and no checkpoint was made of them.`,
      );
    state.lossScaler = model.scaler?.stateDict() ?? null;
    const { step, skippedInARow } = state;
    const best = state.best?.step === step;
    const options = { best, last, peers: saves.peers, memory: checkpointMemory(config.train) };
    const pending = await folder.checkpoints.begin(step, tensors, { run: state, config }, options);
    saves.follow(pending, async () => {
      session.saved = { step, folder: pending.folder };
      // While steps are left out nobody knows whether their weights are to blame.
      if (skippedInARow === 0) session.good = session.saved;
      await onSaved?.(pending.folder);
    });
    if (pending.uncopiedBytes > 0 && config.train.checkpointMemory !== 0 && !saves.isShortageTold) {
      saves.isShortageTold = true;
      onMessage?.(
        `Memory is too short to copy a checkpoint whole: training waits while ${Math.ceil(pending.uncopiedBytes / 1e6)} MB of each are written (train.checkpointMemory).`,
      );
    }
  } finally {
    for (const tensor of drawn?.values() ?? []) tensor.dispose();
  }
}

// As large as the training set, and written from embeddings that were finite.
const LARGE_AND_SAFE = new Set(['memory.buffer']);
const PIECE = 1 << 20;

/** As {@link firstNotFinite}, on all ranks: of the first rank that has such a tensor. */
async function firstBroken(
  groups: TensorGroups,
  group: ProcessGroup | undefined,
): Promise<string | undefined> {
  const own = await firstNotFinite(groups);
  if (!group) return own;
  const all = await group.gatherText(own ?? '');
  const rank = all.findIndex((name) => name !== '');
  return rank < 0 ? undefined : `${all[rank]}, rank ${rank}`;
}

/** The name of the first tensor that holds a value which is not finite. */
export async function firstNotFinite(groups: TensorGroups): Promise<string | undefined> {
  for (const [group, tensors] of Object.entries(groups))
    for (const [name, tensor] of tensors)
      if (!LARGE_AND_SAFE.has(name) && !(await isFiniteTensor(tensor))) return `${group}: ${name}`;
  return undefined;
}

function isFiniteTensor(tensor: Tensor): Promise<boolean> {
  if (!/float/.test(tensor.dtype)) return Promise.resolve(true);
  return scope(async () => {
    // A sum needs no memory. It may overflow where every value is finite: only then they are looked at.
    if (Number.isFinite(await tensor.detach().sum().item())) return true;
    const flat = await tensor.detach().reshape([-1]);
    for (let from = 0; from < flat.size; from += PIECE) {
      const piece = flat.slice(0, from, Math.min(flat.size, from + PIECE));
      if ((await piece.isFinite().all().item()) === 0) return false;
    }
    return true;
  });
}
