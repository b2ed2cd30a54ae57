import type { FuzzTarget } from '../target';
import { jsonConfigTarget, yamlConfigTarget } from './config';
import { groupsTarget, opencvTarget, ytfTarget } from './evaluation-files';
import { faceDatasetTarget } from './face-dataset';
import { faceListTarget, landmarksTarget } from './face-list';
import { jpegTarget, pngTarget, webpTarget } from './image';
import { labelCacheTarget } from './label-cache';
import { pickleTarget } from './pickle';
import { propertyTarget } from './property';
import { recordIndexTarget } from './record-index';
import { recordioTarget } from './recordio';
import { safetensorsTarget } from './safetensors';

/** Every parser of files that come from elsewhere. */
export const targets: readonly FuzzTarget[] = [
  recordioTarget,
  recordIndexTarget,
  propertyTarget,
  faceDatasetTarget,
  labelCacheTarget,
  faceListTarget,
  landmarksTarget,
  ytfTarget,
  groupsTarget,
  opencvTarget,
  pickleTarget,
  jpegTarget,
  pngTarget,
  webpTarget,
  safetensorsTarget,
  jsonConfigTarget,
  yamlConfigTarget,
];
