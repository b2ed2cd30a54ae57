import {
  defineConfig,
  deriveConfig,
  loadConfig,
  resolveConfig,
  type Config,
  type ConfigChanges,
  type ResolvedConfig,
} from 'kappaface';
import { holds, type Same } from './same';

export const plain: Config = defineConfig({
  name: 'plain',
  data: {
    root: '/data/faces',
    validation: ['lfw'],
    augment: { jpeg: { probability: 0.1, quality: [30, 90] } },
  },
  backbone: { depth: 100, precision: 'bf16' },
  optimizer: { kind: 'sgd', lr: 0.1, clipNorm: 5 },
  schedule: { kind: 'polynomial', power: 2 },
  train: { epochs: 24, batchSize: 128, validateEvery: null },
  runtime: { device: 'cuda', threads: 'auto' },
});

export const heads: Config[] = [
  defineConfig({
    name: 'kappaface',
    head: { temperature: 0.4, gamma: 0.7, concentration: { momentum: 0.9 } },
  }),
  defineConfig({
    name: 'memory',
    head: { kind: 'kappaface', concentration: { kind: 'memory', alpha: 0.9 } },
  }),
  defineConfig({ name: 'arcface', head: { kind: 'arcface', margin: 0.5 } }),
  defineConfig({ name: 'cosface', head: { kind: 'cosface', margin: 0.35, sampleRate: 0.1 } }),
  defineConfig({ name: 'combined', head: { kind: 'combined', angleFactor: 1, cosineMargin: 0.1 } }),
];

export const changes: ConfigChanges = { train: { epochs: 50 } };
export const derived: Config = deriveConfig(plain, { ...changes, backbone: { depth: 50 } });

export async function resolved(): Promise<ResolvedConfig> {
  const config = await loadConfig('configs/base', ['train.epochs=10']);
  holds<Same<typeof config.train.epochs, number>>();
  holds<Same<typeof config.train.validateEvery, number | null>>();
  holds<Same<typeof config.backbone.precision, 'auto' | 'float32' | 'bfloat16' | 'float16'>>();
  holds<Same<typeof config.head.kind, 'kappaface' | 'arcface' | 'cosface' | 'combined'>>();
  if (config.head.kind === 'kappaface') holds<Same<typeof config.head.temperature, number>>();
  // @ts-expect-error of all kinds of heads, one alone has a temperature
  void config.head.temperature;
  return resolveConfig(plain);
}

// @ts-expect-error a run has a name
defineConfig({ train: { epochs: 24 } });
// @ts-expect-error ArcFace has no temperature
defineConfig({ name: 'wrong', head: { kind: 'arcface', temperature: 0.4 } });
// @ts-expect-error without a kind the head is KappaFace, which adds nothing to the cosine
defineConfig({ name: 'wrong', head: { cosineMargin: 0.1 } });
// @ts-expect-error no such head
defineConfig({ name: 'wrong', head: { kind: 'sphereface' } });
// @ts-expect-error the memory buffer has no momentum
defineConfig({ name: 'wrong', head: { concentration: { kind: 'memory', momentum: 0.9 } } });
// @ts-expect-error a polynomial has no milestones
defineConfig({ name: 'wrong', schedule: { kind: 'polynomial', milestones: [10] } });
// @ts-expect-error a mistyped section
defineConfig({ name: 'wrong', optimiser: { lr: 0.1 } });
// @ts-expect-error a mistyped option
defineConfig({ name: 'wrong', train: { epoch: 24 } });
// @ts-expect-error a number, not text
defineConfig({ name: 'wrong', train: { epochs: '24' } });
// @ts-expect-error a range has two ends
defineConfig({ name: 'wrong', data: { augment: { jpeg: { quality: [30] } } } });
// @ts-expect-error no such precision
defineConfig({ name: 'wrong', backbone: { precision: 'half' } });
