import { defineConfig } from 'kappaface';

/**
 * A quarter-width IResNet-18 on LFW: a small real set for checking the whole chain, not for good models.
 * The momentum encoder instead of the memory buffer: `--set head.concentration.kind=momentum`.
 */
export default defineConfig({
  name: 'lfw_r18',
  data: {
    root: 'data/lfw',
    validation: ['lfw'],
    source: [
      'LFW (Labeled Faces in the Wild, University of Massachusetts), aligned to 112 x 112 and packed in the',
      'insightface layout: train.rec, train.idx and property with the training identities, lfw.bin with the',
      'verification pairs. Name the folder with --set data.root=FOLDER.',
    ].join('\n'),
  },
  backbone: { depth: 18, widthMultiplier: 0.25, embeddingSize: 512 },
  head: { kind: 'kappaface', concentration: { kind: 'memory' } },
  optimizer: { lr: 0.1, referenceBatchSize: 512 },
  schedule: { kind: 'step', milestones: [10, 18, 22] },
  train: { epochs: 24, batchSize: 64 },
});
