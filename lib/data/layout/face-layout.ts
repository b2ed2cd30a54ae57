import { readFace2rec2, SCAN_AHEAD } from './face2rec2';
import type { FaceRecords, LayoutOptions, RecordLayout } from './face-records';
import { cachedLabels, scanLabels } from './scan-labels';
import type { RecordIndex } from '../recordio/index-file';
import type { RecordReader } from '../recordio/reader';

/** How a dataset keeps its samples: in a record file, as files in folders or by a list, or (several sources) in several ways. */
export type FaceLayout = RecordLayout | 'folder' | 'list' | 'mixed';

/**
 * Finds a record file's images and their labels, from the headers alone.
 *
 * Record 0 of the face2rec2 layout holds the label pair [N+1, N+1+C] and no image; the records N+1 to N+C then hold a
 * key range per identity, and no image needs to be touched. Everything else is the im2rec layout: every record is an
 * image, and every header is read once, then remembered beside the file.
 * @throws KappaError ERR_DATA_CORRUPT, ERR_LABEL_RANGE, ERR_IO
 */
export async function readFaceRecords(
  records: RecordReader,
  index: RecordIndex,
  options: LayoutOptions = {},
): Promise<FaceRecords> {
  const head = index.keys[0] === 0 ? records.readHead(index.offsets[0]!, SCAN_AHEAD) : undefined;
  if (head !== undefined && head.imageBytes === 0) return readFace2rec2(records, index, head, options);
  const labels = await cachedLabels(records, options, index.keys.length, () =>
    scanLabels(records, index.keys, index.offsets, options),
  );
  return { layout: 'im2rec', keys: index.keys, offsets: index.offsets, labels };
}
