import { defineConfig } from 'kappaface';

/**
 * KappaFace on the embedded synthetic face set with a small IResNet-18: runs anywhere, in minutes, with nothing to
 * download. Point it at a data set in the insightface layout with `--set data.root=FOLDER`.
 *
 * So short a run on so few images wants small batches, a high rate that decays to zero, a gentle margin in its first
 * epoch, and concentrations that are right for classes with few images.
 */
export default defineConfig({
  name: 'base',
  data: { synthetic: {}, validation: 'auto' },
  backbone: { depth: 18, widthMultiplier: 0.25, embeddingSize: 128 },
  head: { kind: 'kappaface', debias: true, initialMarginScale: 0.25, concentration: { kind: 'memory' } },
  optimizer: { lr: 0.06, referenceBatchSize: 32 },
  schedule: { kind: 'polynomial', warmupEpochs: 0.5, power: 1 },
  train: { epochs: 5, batchSize: 32, logEvery: 20, validateEvery: 226 },
});
