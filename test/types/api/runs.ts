import {
  embedImages,
  evaluateVerification,
  KappaError,
  loadBackbone,
  readVerificationSet,
  Trainer,
  type Backbone,
  type Embeddings,
  type KappaErrorCode,
  type ResolvedConfig,
  type StepReport,
  type TrainerHooks,
  type TrainResult,
  type VerificationResult,
} from 'kappaface';
import { holds, type Same } from './same';

export async function use(folder: string, image: Buffer): Promise<Float32Array> {
  const backbone: Backbone = await loadBackbone(folder, { device: 'cuda:1' });
  const { data }: Embeddings = await embedImages(backbone, [image], { batchSize: 32 });
  holds<Same<typeof data, Float32Array>>();

  const result: VerificationResult = await evaluateVerification(
    backbone,
    await readVerificationSet('lfw.bin'),
  );
  holds<Same<typeof result.accuracy, number>>();
  holds<Same<keyof typeof result.tarAtFar, '1e-2' | '1e-3'>>();

  // @ts-expect-error it takes a moment: await it
  loadBackbone(folder).parameters();
  // @ts-expect-error options are named
  await loadBackbone(folder, 'cuda');
  // @ts-expect-error the set is read first
  await evaluateVerification(backbone, 'lfw.bin');
  // @ts-expect-error a network, not its folder
  await evaluateVerification(folder, await readVerificationSet('lfw.bin'));
  // @ts-expect-error what was measured stays as it is
  result.accuracy = 1;
  return data;
}

export async function train(config: ResolvedConfig): Promise<TrainResult> {
  const controller = new AbortController();
  const hooks: TrainerHooks = {
    onStep: ({ step, loss, lr, margins }) => console.log(step + loss + lr + margins.mean),
    onValidation: ({ meanAccuracy, verification }, isBest) =>
      console.log(isBest, meanAccuracy, verification['lfw']?.accuracy),
    onCheckpoint: (folder) => void folder.length,
  };
  holds<Same<Parameters<NonNullable<TrainerHooks['onStep']>>, [report: StepReport]>>();
  const result = await new Trainer(config, { ...hooks, resume: true, signal: controller.signal }).run();
  const accuracy: number | undefined = result.best?.meanAccuracy;
  console.log(accuracy);

  // @ts-expect-error a config is resolved first: loadConfig, resolveConfig
  new Trainer({ name: 'base' });
  // @ts-expect-error there is no such hook
  new Trainer(config, { onBatch: () => undefined });
  // @ts-expect-error a step's report has a loss, and is no loss
  new Trainer(config, { onStep: (loss: number) => console.log(loss) });
  // @ts-expect-error there may be no best round yet
  void result.best.meanAccuracy;
  return result;
}

export function told(error: unknown): KappaErrorCode | undefined {
  if (!(error instanceof KappaError)) return undefined;
  if (error.code === 'ERR_CONFIG') return error.code;
  // @ts-expect-error no such code
  if (error.code === 'ERR_CONFIGURATION') return undefined;
  return error.code;
}
