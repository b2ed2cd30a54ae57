import type { ResolvedConfig } from '../config/schema';
import { ArcFaceHead } from '../head/arcface-head';
import { CombinedMarginHead } from '../head/combined-margin-head';
import { CosFaceHead } from '../head/cosface-head';
import { KappaFaceHead } from '../head/kappaface-head';
import type { MarginHead } from '../head/margin-head';
import { IResNet } from '../nn/iresnet';
import { GradScaler } from '../optim/grad-scaler';
import { SGD } from '../optim/sgd';

/** The trained parts. */
export interface Model {
  backbone: IResNet;
  head: MarginHead;
  optimizer: SGD;
  /** Where something computes in float16. */
  scaler: GradScaler | undefined;
}

/**
 * Makes the backbone that a config describes.
 *
 * @param device that of the config by default
 */
export function makeBackbone(config: ResolvedConfig, device = config.runtime.device): IResNet {
  const { depth, embeddingSize, widthMultiplier, dropout, precision } = config.backbone;
  const imageSize = config.data.imageSize;
  return new IResNet({ depth, embeddingSize, widthMultiplier, dropout, precision, imageSize, device });
}

/** Makes the head that a config describes. */
export function makeHead(
  config: ResolvedConfig,
  backbone: IResNet,
  samplesPerClass: ArrayLike<number>,
): MarginHead {
  const { kind, scale, margin, beyondPi, precision, fusedUpdate, sampleRate, memoryBudget } = config.head;
  const { interclassFilteringThreshold, angleFactor, cosineMargin } = config.head;
  const common = {
    numClasses: samplesPerClass.length,
    embeddingSize: config.backbone.embeddingSize,
    scale,
    margin,
    beyondPi,
    precision,
    fusedUpdate,
    sampleRate,
    seed: config.seed,
    interclassFilteringThreshold,
    memoryBudget,
    device: config.runtime.device,
  };
  if (kind === 'arcface') return new ArcFaceHead(common);
  if (kind === 'cosface') return new CosFaceHead(common);
  if (kind === 'combined') return new CombinedMarginHead({ ...common, angleFactor, cosineMargin });
  const { temperature, gamma, convention, debias, initialMarginScale, blendEpochs, concentration } =
    config.head;
  return new KappaFaceHead({
    ...common,
    samplesPerClass,
    temperature,
    gamma,
    convention,
    debias,
    initialMarginScale,
    blendEpochs,
    concentration: concentration.kind === 'momentum' ? { ...concentration, backbone } : concentration,
  });
}

/** Makes everything that is trained. Random numbers are drawn in a fixed order. */
export function makeModel(config: ResolvedConfig, samplesPerClass: ArrayLike<number>): Model {
  const backbone = makeBackbone(config);
  const head = makeHead(config, backbone, samplesPerClass);
  const { momentum, weightDecay } = config.optimizer;
  const optimizer = new SGD([...backbone.parameters(), ...head.parameters()], {
    lr: 0,
    momentum,
    weightDecay,
  });
  const half = config.backbone.precision === 'float16' || config.head.precision === 'float16';
  return { backbone, head, optimizer, scaler: half ? new GradScaler() : undefined };
}
