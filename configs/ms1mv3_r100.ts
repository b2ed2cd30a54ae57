import { deriveConfig } from 'kappaface';
import ms1mv2 from './ms1mv2_r100';

/** KappaFace, IResNet-100 on MS1MV3 (MS1M-RetinaFace). */
export default deriveConfig(ms1mv2, {
  name: 'ms1mv3_r100',
  data: {
    root: 'data/ms1mv3',
    numClasses: 93_431,
    source: [
      'MS1MV3 (MS1M-RetinaFace): 93,431 identities, 5,179,510 images, from the data set page of the insightface',
      'project. Expected layout: train.rec, train.idx, property, and the verification sets lfw.bin, cfp_fp.bin,',
      'agedb_30.bin in one folder. Name it with --set data.root=FOLDER.',
    ].join('\n'),
  },
  schedule: { kind: 'step', milestones: [11, 17, 22] },
  train: { epochs: 25 },
});
