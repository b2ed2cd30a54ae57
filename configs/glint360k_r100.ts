import { deriveConfig } from 'kappaface';
import ms1mv2 from './ms1mv2_r100';

/** KappaFace, IResNet-100 on Glint360K. */
export default deriveConfig(ms1mv2, {
  name: 'glint360k_r100',
  data: {
    root: 'data/glint360k',
    numClasses: 360_232,
    source: [
      'Glint360K: 360,232 identities, 17,091,657 images, from the data set page of the insightface',
      'project. Expected layout: train.rec, train.idx, property, and the verification sets lfw.bin, cfp_fp.bin,',
      'agedb_30.bin in one folder. Name it with --set data.root=FOLDER.',
    ].join('\n'),
  },
  schedule: { kind: 'step', milestones: [8, 12, 15, 18] },
  train: { epochs: 20 },
});
