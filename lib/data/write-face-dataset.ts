import { rm } from 'node:fs/promises';
import path from 'node:path';
import { argumentError, ioError } from '../errors';
import { writeFileAtomically } from './atomic-file';
import { formatProperty } from './property';
import { RecordWriter } from './record-writer';
import type { RecordDialectName } from './record-dialect';
import { packRecord } from './record-header';

export interface WriteFaceDatasetOptions {
  /** Height and width in pixels, as `property` gives them. @default [112, 112] */
  imageSize?: [number, number];
  /** Called after each identity. */
  onProgress?: (identities: number, images: number) => void;
  /** The coding of the record file, see record-dialect.ts. @default 'dmlc' */
  dialect?: RecordDialectName;
}

// The second label of an image: it shows an aligned face.
const ALIGNED = 1;

/**
 * Writes a dataset in insightface's face2rec2 layout (train.rec, train.idx, property): a header record, the images
 * grouped by identity, then one record per identity with the range of its images. Class c is the c-th identity.
 * `property` is written last, so that a dataset that was interrupted is seen to be incomplete.
 * @param identities the encoded images of each identity, at least one each.
 * @throws KappaError ERR_ARGUMENT, ERR_IO; nothing new stands under the final names then.
 */
export async function writeFaceDataset(
  root: string,
  identities: Iterable<Buffer[]> | AsyncIterable<Buffer[]>,
  options: WriteFaceDatasetOptions = {},
): Promise<{ numClasses: number; numImages: number }> {
  const { imageSize = [112, 112], onProgress, dialect } = options;
  const property = path.join(root, 'property');
  const writer = await RecordWriter.create(path.join(root, 'train.rec'), path.join(root, 'train.idx'), {
    dialect,
  });
  try {
    await writer.write(0, headerPayload([0, 0], 0));
    const firstImage: number[] = [];
    let key = 1;
    for await (const images of identities) {
      if (images.length === 0)
        throw argumentError(`identities[${firstImage.length}]`, 'at least one image', images);
      firstImage.push(key);
      for (const image of images) {
        if (image.length === 0)
          throw argumentError(`identities[${firstImage.length - 1}]`, 'encoded images', image);
        await writer.write(key, packRecord({ label: [firstImage.length - 1, ALIGNED], id: key, image }));
        key++;
      }
      onProgress?.(firstImage.length, key - 1);
    }
    if (firstImage.length === 0) throw argumentError('identities', 'at least one identity', firstImage);
    const [numClasses, numImages] = [firstImage.length, key - 1];
    for (let c = 0; c < numClasses; c++, key++)
      await writer.write(key, headerPayload([firstImage[c]!, firstImage[c + 1] ?? numImages + 1], key));
    await writer.rewriteFirst(headerPayload([numImages + 1, key], 0));
    await rm(property, { force: true }).catch((error: unknown) => {
      throw ioError(error, 'replace', property);
    });
    await writer.close();
    await writeFileAtomically(property, (file) => file.writeFile(formatProperty({ numClasses, imageSize })));
    return { numClasses, numImages };
  } finally {
    await writer.abort();
  }
}

function headerPayload(labels: [number, number], id: number): Buffer {
  return packRecord({ label: labels, id, image: Buffer.alloc(0) });
}
