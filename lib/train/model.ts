import type { ResolvedConfig } from '../config/schema';
import { createHead } from '../head/create-head';
import type { MarginHead } from '../head/margin-head';
import type { Backbone } from '../nn/backbone';
import { createBackbone } from '../nn/create-backbone';
import { createOptimizer } from '../optim/create-optimizer';
import { GradScaler } from '../optim/grad-scaler';
import type { Optimizer } from '../optim/optimizer';

/** The trained parts. */
export interface Model {
  backbone: Backbone;
  head: MarginHead;
  optimizer: Optimizer;
  /** Where something computes in float16. */
  scaler: GradScaler | undefined;
}

/** Makes everything that is trained. Random numbers are drawn in a fixed order. */
export function makeModel(config: ResolvedConfig, samplesPerClass: ArrayLike<number>): Model {
  const { data, runtime, seed } = config;
  const place = { imageSize: data.imageSize, device: runtime.device };
  const backbone = createBackbone(config.backbone, place);
  const head = createHead(config.head, { samplesPerClass, backbone, seed });
  const optimizer = createOptimizer(config.optimizer, [...backbone.parameters(), ...head.parameters()]);
  const half = config.backbone.precision === 'float16' || config.head.precision === 'float16';
  return { backbone, head, optimizer, scaler: half ? new GradScaler() : undefined };
}
