import { deriveConfig } from 'kappaface';
import ms1mv2 from './ms1mv2_r100';

/** KappaFace, IResNet-50 on CASIA-WebFace. */
export default deriveConfig(ms1mv2, {
  name: 'casia_r50',
  data: {
    root: 'data/casia',
    numClasses: 10_572,
    source: [
      'CASIA-WebFace (faces_webface_112x112): 10,572 identities, 490,623 images, from the data set page of the insightface',
      'project. Expected layout: train.rec, train.idx, property, and the verification sets lfw.bin, cfp_fp.bin,',
      'agedb_30.bin in one folder. Name it with --set data.root=FOLDER.',
    ].join('\n'),
  },
  backbone: { depth: 50 },
  schedule: { kind: 'step', milestones: [10, 28, 38, 46] },
  train: { epochs: 50 },
});
