import { deriveConfig } from 'kappaface';
import base from 'kappaface/configs/base';

export default deriveConfig(base, {
  name: 'tiny',
  data: {
    synthetic: { identities: 6, maxImages: 6, verificationIdentities: 4, pairs: 20, singletons: 0 },
    workers: 1,
  },
  backbone: { widthMultiplier: 0.0625, embeddingSize: 16, precision: 'float32' },
  train: { epochs: 1, batchSize: 8, logEvery: 1, validateEvery: null },
});
