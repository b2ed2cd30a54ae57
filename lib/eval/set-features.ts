import type { VerificationSet } from '../data/protocols/verification-set';
import { KappaError } from '../errors';
import { readNpy } from '../io/npy';
import { addMirrored, type Embeddings } from './embed';

/**
 * Reads the features of the images of a verification set, in its order, as `kappa embed` writes them.
 *
 * @param files matrices of NumPy (`.npy`): of the images, which may have those of the mirror images in them, and of the mirror images
 * @throws KappaError `ERR_SHAPE` for another number of images or dimensions, `ERR_DATA_NOT_FOUND`, `ERR_DATA_CORRUPT`,
 *   `ERR_IO`
 */
export async function readSetFeatures(
  { name, images }: VerificationSet,
  files: { features: string; mirrored?: string },
): Promise<Embeddings> {
  const plain = await readNpy(files.features);
  if (plain.rows !== images.length)
    throw new KappaError(
      'ERR_SHAPE',
      `${files.features} has ${plain.rows} rows, but ${name} has ${images.length} images: one row is needed for each, in the order of the set.`,
    );
  const mirrored = files.mirrored === undefined ? undefined : await readNpy(files.mirrored);
  if (mirrored && (mirrored.rows !== plain.rows || mirrored.columns !== plain.columns))
    throw new KappaError(
      'ERR_SHAPE',
      `${files.mirrored} is ${mirrored.rows} x ${mirrored.columns}, but ${files.features} is ${plain.rows} x ${plain.columns}.`,
    );
  const added = addMirrored({ plain: plain.data, mirrored: mirrored?.data }, plain.columns);
  return { ...added, embeddingSize: plain.columns };
}
