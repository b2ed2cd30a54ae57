import { GradientReducer } from '../distributed/gradient-reducer';
import type { ProcessGroup } from '../distributed/process-group';
import type { ResolvedConfig } from '../config/schema';
import { createHead } from '../head/create-head';
import type { MarginHead } from '../head/margin-head';
import type { Backbone } from '../nn/backbone';
import { createBackbone } from '../nn/create-backbone';
import { createOptimizer } from '../optim/create-optimizer';
import { GradScaler } from '../optim/grad-scaler';
import type { Optimizer } from '../optim/optimizer';
import { mix32 } from '../random';
import { manualSeed } from '../runtime/settings';
import { deviceOf } from './ranks';

/** The trained parts. */
export interface Model {
  backbone: Backbone;
  head: MarginHead;
  optimizer: Optimizer;
  /** Where something computes in float16. */
  scaler: GradScaler | undefined;
  /** Where several ranks train it. */
  ranks: ModelRanks | undefined;
}

/** How the ranks of a run share a model. */
export interface ModelRanks {
  group: ProcessGroup;
  /** Sums the backbone's gradients over the ranks. */
  reducer: GradientReducer;
  /** Whether the running statistics of all ranks are made one after each step. */
  mergesStatistics: boolean;
}

/**
 * Makes everything that is trained. Random numbers are drawn in a fixed order.
 *
 * @param group the ranks that train it together; the classes are spread over them
 */
export async function makeModel(
  config: ResolvedConfig,
  samplesPerClass: ArrayLike<number>,
  group?: ProcessGroup,
): Promise<Model> {
  const { data, seed } = config;
  const place = { imageSize: data.imageSize, device: deviceOf(config, group) };
  const backbone = createBackbone(config.backbone, place);
  const head = createHead(config.head, { samplesPerClass, backbone, seed, group });
  const optimizer = createOptimizer(config.optimizer, [...backbone.parameters(), ...head.parameters()]);
  const half = config.backbone.precision === 'float16' || config.head.precision === 'float16';
  const ranks = group && (await shareModel(config, backbone, group));
  return { backbone, head, optimizer, scaler: half ? new GradScaler() : undefined, ranks };
}

async function shareModel(
  { distributed, seed }: ResolvedConfig,
  backbone: Backbone,
  group: ProcessGroup,
): Promise<ModelRanks> {
  // Other processors may draw other last bits.
  await group.broadcast(backbone.stateDict().values());
  const { bucketMiB, compression, syncBatchNorm, statistics } = distributed;
  if (syncBatchNorm) await backbone.normalizeOver(group);
  // What is drawn from now on, such as dropout, is each rank's own.
  if (group.rank > 0) await manualSeed(mix32(mix32(seed) ^ group.rank));
  return {
    group,
    reducer: new GradientReducer(group, backbone.parameters(), { bucketMiB, compression }),
    mergesStatistics: statistics === 'merge' && !syncBatchNorm,
  };
}
