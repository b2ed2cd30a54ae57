import { defineConfig } from 'kappaface';

/** The paper's run: KappaFace with the momentum encoder, IResNet-100 on MS1MV2 (also called faces_emore). */
export default defineConfig({
  name: 'ms1mv2_r100',
  data: {
    root: 'data/ms1mv2',
    numClasses: 85_742,
    validation: ['lfw', 'cfp_fp', 'agedb_30'],
    source: [
      'MS1MV2 (faces_emore): 85,742 identities, 5,822,653 images, from the data set page of the insightface',
      'project. Expected layout: train.rec, train.idx, property, and the verification sets lfw.bin, cfp_fp.bin,',
      'agedb_30.bin in one folder. Name it with --set data.root=FOLDER.',
    ].join('\n'),
  },
  backbone: { depth: 100, embeddingSize: 512 },
  head: {
    kind: 'kappaface',
    scale: 64,
    temperature: 0.4,
    gamma: 0.7,
    concentration: { kind: 'momentum', momentum: 0.9 },
  },
  optimizer: { lr: 0.1, referenceBatchSize: 512, momentum: 0.9, weightDecay: 5e-4, clipNorm: 5 },
  schedule: { kind: 'step', milestones: [10, 18, 22], factor: 0.1 },
  train: { epochs: 24, batchSize: 128 },
});
