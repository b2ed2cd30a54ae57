import { defineConfig } from 'kappaface';

/**
 * KappaFace on the embedded synthetic face set with a small IResNet-18: runs anywhere, in minutes, with nothing to
 * download. Point it at a data set in the insightface layout with `--set data.root=FOLDER`.
 */
export default defineConfig({
  name: 'base',
  data: { synthetic: {}, validation: 'auto' },
  backbone: { depth: 18, widthMultiplier: 0.25, embeddingSize: 256 },
  head: { kind: 'kappaface', concentration: { kind: 'momentum' } },
  schedule: { kind: 'step', milestones: [4, 5] },
  train: { epochs: 6, batchSize: 64, logEvery: 20 },
});
