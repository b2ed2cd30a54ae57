import { stat } from 'node:fs/promises';
import path from 'node:path';
import { KappaError, ioError } from '../../errors';
import { readHead, refuseStranger } from '../../files/strangers';
import { checkLabels } from '../layout/check-labels';
import { readClassNames } from '../layout/class-names';
import { readFaceRecords } from '../layout/face-layout';
import { LAYOUT_HELP, type OpenSourceOptions, type OpenedSource } from './source';
import { datasetStamp } from '../layout/label-cache';
import { openRecordIndex } from '../recordio/open-index';
import { readProperty, withoutProperty } from '../layout/property';
import { RecordReader } from '../recordio/reader';

/**
 * Opens a RecordIO set of either layout. No image is decoded.
 * @param root its folder, or its `.rec` file, whose index has the same name and whose `property` lies beside it
 * @throws KappaError ERR_DATA_NOT_FOUND, ERR_DATA_CORRUPT, ERR_LABEL_RANGE, ERR_CONFIG, ERR_IO, ERR_CANCELLED
 */
export async function openRecordSource(
  root: string,
  numClassesExpected: number | undefined,
  options: OpenSourceOptions,
): Promise<OpenedSource> {
  const recPath = root.endsWith('.rec') ? root : path.join(root, 'train.rec');
  const folder = path.dirname(recPath);
  await mustExist(recPath);
  refuseStranger(await readHead(recPath), recPath, 'a record file (RecordIO)');
  const property = await readProperty(path.join(folder, 'property'));
  if (property && numClassesExpected !== undefined && numClassesExpected !== property.numClasses)
    throw new KappaError(
      'ERR_CONFIG',
      `${numClassesExpected} classes were expected, but ${path.join(folder, 'property')} says ${property.numClasses}.`,
    );
  const records = RecordReader.open(recPath);
  try {
    const { index, path: idxPath } = await openRecordIndex(records, recPath.replace(/rec$/, 'idx'), options);
    const stamp = !options.cache || idxPath === undefined ? undefined : await datasetStamp(recPath, idxPath);
    const found = await readFaceRecords(records, index, { ...options, stamp });
    const { numClasses, imageSize } =
      property ?? (await withoutProperty(records, found, numClassesExpected, options.onMessage));
    const authority = property
      ? 'property'
      : numClassesExpected === undefined
        ? 'the greatest label'
        : 'the number of classes that was given';
    checkLabels({
      labels: found.labels,
      numIdentities: found.numIdentities,
      numClasses,
      file: recPath,
      authority,
      place: (sample) => `record ${found.keys[sample]}`,
      allowEmpty: options.allowEmptyClasses,
    });
    const { layout, keys, offsets, labels } = found;
    const store = { kind: 'records', path: recPath, size: records.size } as const;
    const names = await readClassNames(path.join(folder, 'classes.json'), numClasses);
    return { name: root, layout, imageSize, numClasses, names, store, keys, offsets, labels };
  } finally {
    records.close();
  }
}

async function mustExist(file: string): Promise<void> {
  try {
    await stat(file);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw ioError(error, 'read', file);
    throw new KappaError(
      'ERR_DATA_NOT_FOUND',
      `${path.dirname(file)} has no file "${path.basename(file)}". ${LAYOUT_HELP}.`,
      { cause: error },
    );
  }
}
