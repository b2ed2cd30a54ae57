import path from 'node:path';
import { KappaError } from '../../errors';
import { checkLabels } from '../layout/check-labels';
import { readFaceList } from '../lists/face-list';
import type { OpenSourceOptions, OpenedSource } from './source';
import { howToAlign } from '../lists/notes';
import { SampleFiles } from './sample-files';

/**
 * Opens a `.lst` file of image paths and labels. Five points are kept with the samples.
 * @param root the folder that its paths are relative to. @default the list's own folder
 * @throws KappaError ERR_DATA_NOT_FOUND, ERR_DATA_CORRUPT, ERR_LABEL_RANGE, ERR_IO, ERR_CANCELLED
 */
export async function openListSource(
  list: string,
  root: string = path.dirname(list),
  numClassesExpected: number | undefined,
  options: OpenSourceOptions,
): Promise<OpenedSource> {
  const files = new SampleFiles();
  const unaligned = { images: 0, line: 0, pointless: 0 };
  await readFaceList(
    list,
    (entry, line) => {
      files.add(entry.path, entry.label, entry.points);
      if (entry.aligned !== false) return;
      if (unaligned.images++ === 0) unaligned.line = line;
      if (!entry.points) unaligned.pointless++;
    },
    options.signal,
  );
  if (files.count === 0)
    throw new KappaError('ERR_DATA_CORRUPT', `${list} is empty: it should hold a line for each image.`);
  if (unaligned.images > 0)
    options.onMessage?.(
      `${list}: ${unaligned.images} of ${files.count} images are not aligned, as the list says (the first stands in line ${unaligned.line}). They are read as they are. Align and pack them first: ${howToAlign(unaligned.images, unaligned.pointless)}.`,
    );
  const listed = files.finish(root);
  const numClasses = numClassesExpected ?? listed.labels.reduce((max, label) => Math.max(max, label), 0) + 1;
  checkLabels({
    labels: listed.labels,
    numClasses,
    file: list,
    authority: numClassesExpected === undefined ? 'the list' : 'the number of classes that was given',
    place: (sample) => `image ${sample + 1}`,
    allowEmpty: options.allowEmptyClasses,
  });
  return { name: list, layout: 'list', imageSize: undefined, numClasses, names: undefined, ...listed };
}
