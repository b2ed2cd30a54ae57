import type { ResolvedConfig } from '../config/schema';
import { ArcFaceHead } from '../head/arcface-head';
import { CombinedMarginHead } from '../head/combined-margin-head';
import { CosFaceHead } from '../head/cosface-head';
import { KappaFaceHead } from '../head/kappaface-head';
import type { MarginHead } from '../head/margin-head';
import { IResNet } from '../nn/iresnet';
import { SGD } from '../optim/sgd';

/** The trained parts. */
export interface Model {
  backbone: IResNet;
  head: MarginHead;
  optimizer: SGD;
}

/** Makes the backbone that a config describes. */
export function makeBackbone(config: ResolvedConfig): IResNet {
  const { depth, embeddingSize, widthMultiplier, dropout, precision } = config.backbone;
  const imageSize = config.data.imageSize;
  return new IResNet({ depth, embeddingSize, widthMultiplier, dropout, precision, imageSize });
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
  return { backbone, head, optimizer };
}
