import { FaceDatasetWriter, type FaceDatasetWriterOptions } from './layout/face-dataset-writer';

export interface WriteFaceDatasetOptions extends FaceDatasetWriterOptions {
  /** The identities' names in the order of their classes, kept in `classes.json`. */
  names?: readonly string[];
  /** Called after each identity. */
  onProgress?: (identities: number, images: number) => void;
}

/**
 * Writes a dataset in insightface's face2rec2 layout, see {@link FaceDatasetWriter}.
 * @param identities the encoded images of each identity, at least one each.
 * @throws KappaError ERR_ARGUMENT, ERR_IO; nothing new stands under the final names then.
 */
export async function writeFaceDataset(
  root: string,
  identities: Iterable<Buffer[]> | AsyncIterable<Buffer[]>,
  options: WriteFaceDatasetOptions = {},
): Promise<{ numClasses: number; numImages: number }> {
  const { onProgress, names, ...writerOptions } = options;
  const writer = await FaceDatasetWriter.create(root, writerOptions);
  try {
    for await (const images of identities) {
      writer.beginIdentity();
      for (const image of images) await writer.add(image);
      onProgress?.(writer.numClasses, writer.numImages);
    }
    return await writer.close(names);
  } finally {
    await writer.abort();
  }
}
