import {
  ArcFaceHead,
  CombinedMarginHead,
  CosFaceHead,
  GradScaler,
  IResNet,
  KappaFaceHead,
  MarginHead,
  SGD,
  type Backbone,
  type IResNetDepth,
  type IResNetOptions,
  type Optimizer,
  type SGDOptions,
  type Tensor,
} from 'kappaface';
import { holds, type Same } from './same';

holds<Same<IResNetDepth, 18 | 34 | 50 | 100 | 200>>();
holds<Same<NonNullable<IResNetOptions['depth']>, IResNetDepth>>();
holds<Same<SGDOptions['lr'], number | undefined>>();

export function backbones(): Backbone[] {
  const named: IResNet = new IResNet({ depth: 50, embeddingSize: 512, precision: 'bf16', device: 'cuda:0' });
  holds<Same<typeof named.options.precision, 'float32' | 'bfloat16' | 'float16'>>();

  // @ts-expect-error IResNet-101 is not among the depths
  new IResNet({ depth: 101 });
  // @ts-expect-error no such precision
  new IResNet({ precision: 'int8' });
  // @ts-expect-error a mistyped option
  new IResNet({ embedingSize: 512 });
  // @ts-expect-error options do not change later
  named.options.depth = 18;
  return [named, new IResNet()];
}

export function heads(samplesPerClass: Uint32Array, backbone: Backbone): MarginHead[] {
  const memory = new KappaFaceHead({ samplesPerClass, concentration: { kind: 'memory', alpha: 0.9 } });
  const momentum = new KappaFaceHead({
    samplesPerClass: [3, 2],
    embeddingSize: 512,
    gamma: 0.7,
    temperature: 0.4,
    concentration: { kind: 'momentum', momentum: 0.9, backbone },
  });
  const arcface = new ArcFaceHead({ numClasses: 10, margin: 0.5, sampleRate: 0.1 });
  const cosface = new CosFaceHead({ numClasses: 10, margin: null });
  const combined = new CombinedMarginHead({ numClasses: 10, angleFactor: 1, cosineMargin: 0.1 });

  // @ts-expect-error only KappaFace has a temperature
  new ArcFaceHead({ numClasses: 10, temperature: 0.4 });
  // @ts-expect-error ArcFace adds its margin to the angle alone
  new ArcFaceHead({ numClasses: 10, cosineMargin: 0.1 });
  // @ts-expect-error classes are counted before
  new CosFaceHead({ margin: 0.35 });
  // @ts-expect-error KappaFace knows the images of each class
  new KappaFaceHead({ numClasses: 10, concentration: { kind: 'memory' } });
  // @ts-expect-error how concentrations are estimated is chosen
  new KappaFaceHead({ samplesPerClass });
  // @ts-expect-error the memory buffer has an alpha, no momentum
  new KappaFaceHead({ samplesPerClass, concentration: { kind: 'memory', momentum: 0.9 } });
  // @ts-expect-error a head is one of its kinds
  new MarginHead({ numClasses: 10 });
  return [memory, momentum, arcface, cosface, combined];
}

export async function step(backbone: Backbone, head: MarginHead): Promise<void> {
  const optimizer: Optimizer = new SGD([...backbone.parameters(), ...head.parameters()], {
    lr: 0.1,
    momentum: 0.9,
    weightDecay: 5e-4,
  });
  optimizer.lr = 0.05;
  await new GradScaler({ initialScale: 2 ** 16 }).step(optimizer);
  await optimizer.step();
  await optimizer.zeroGrad();
  const velocities: ReadonlyMap<string, Tensor> = optimizer.stateDict();
  await optimizer.loadStateDict(velocities);

  // @ts-expect-error PyTorch's spelling
  new SGD(backbone.parameters(), { weight_decay: 5e-4 });
  // @ts-expect-error parameters come first
  new SGD({ lr: 0.1 });
  // @ts-expect-error a rate is a number
  optimizer.lr = '0.1';
  // @ts-expect-error a growth factor, not a growth
  new GradScaler({ growth: 2 });
}
