import { KappaError } from '../errors';
import type { ResolvedConfig } from '../config/schema';
import type { CheckpointTensors } from '../run/checkpoint';
import { scope } from '../tensor/scope';
import type { Tensor } from '../tensor/tensor';
import { randomStates } from './restore';
import type { Session } from './session';

export interface SaveOptions {
  /** The generators' states, where those of now are not the right ones. */
  random?: ReadonlyMap<string, Tensor>;
  /** False: `last` goes on naming the checkpoint before. @default true */
  last?: boolean;
}

/**
 * Writes a checkpoint of where a run stands. Weights that are not finite are not written: what is on disk stays good.
 *
 * @throws KappaError `ERR_NOT_FINITE`, `ERR_IO`
 */
export async function saveCheckpoint(
  session: Session,
  config: ResolvedConfig,
  { random, last = true }: SaveOptions = {},
): Promise<string> {
  const { model, state, folder } = session;
  const drawn = random ? undefined : await randomStates(config.runtime.device);
  try {
    const tensors = {
      backbone: model.backbone.stateDict(),
      head: model.head.stateDict(),
      optimizer: model.optimizer.stateDict(),
    };
    const broken = await firstNotFinite(tensors);
    if (broken !== undefined)
      throw new KappaError(
        'ERR_NOT_FINITE',
        `Training stopped at step ${state.step}: the weights hold values that are not finite (${broken}), and no checkpoint was made of them.`,
      );
    state.lossScaler = model.scaler?.stateDict() ?? null;
    const isBest = state.best?.step === state.step;
    const all = { ...tensors, random: new Map(random ?? drawn) };
    const saved = await folder.checkpoints.save(state.step, all, { run: state, config }, isBest, last);
    session.saved = { step: state.step, folder: saved };
    // While steps are left out nobody knows whether their weights are to blame.
    if (state.skippedInARow === 0) session.good = session.saved;
    return saved;
  } finally {
    for (const tensor of drawn?.values() ?? []) tensor.dispose();
  }
}

// As large as the training set, and written from embeddings that were finite.
const LARGE_AND_SAFE = new Set(['memory.buffer']);
const PIECE = 1 << 20;

/** The name of the first tensor that holds a value which is not finite. */
export async function firstNotFinite(groups: CheckpointTensors): Promise<string | undefined> {
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
