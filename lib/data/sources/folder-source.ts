import { KappaError } from '../../errors';
import { LAYOUT_HELP, type OpenSourceOptions, type OpenedSource } from './source';
import { folderEntries, imagesBelow } from '../lists/image-files';
import { SampleFiles } from './sample-files';

// Folders read at a time: a network file system answers many questions as fast as one.
const FOLDERS_AT_ONCE = 32;

/**
 * Opens a folder of images: `root/identity/image.jpg` (jpg, jpeg, png, webp), with any folders between. The class of
 * an identity is the position of its folder's name among all of them in the order of their UTF-16 code units, which is
 * the same in every locale; images have the order of their relative paths. Names that begin with a dot are passed over.
 * @throws KappaError ERR_DATA_NOT_FOUND, ERR_DATA_CORRUPT, ERR_IO, ERR_CANCELLED
 */
export async function openFolderSource(root: string, options: OpenSourceOptions): Promise<OpenedSource> {
  const { signal, onProgress, onMessage } = options;
  const identities = (await folderEntries(root)).folders;
  const files = new SampleFiles();
  const names: string[] = [];
  const empty: string[] = [];
  for (let from = 0; from < identities.length; from += FOLDERS_AT_ONCE) {
    if (signal?.aborted) throw new KappaError('ERR_CANCELLED', `Reading the folder ${root} was interrupted.`);
    const some = identities.slice(from, from + FOLDERS_AT_ONCE);
    const images = await Promise.all(some.map((name) => imagesBelow(root, name)));
    some.forEach((name, i) => {
      if (images[i]!.length === 0) return empty.push(name);
      for (const image of images[i]!) files.add(image, names.length);
      return names.push(name);
    });
    onProgress?.(from + some.length, identities.length);
  }
  if (names.length === 0)
    throw new KappaError(
      'ERR_DATA_NOT_FOUND',
      `${root} has neither a file "train.rec" nor folders with images (.jpg, .jpeg, .png, .webp). ${LAYOUT_HELP}.`,
    );
  if (empty.length > 0)
    onMessage?.(
      `${root}: ${empty.length} folders have no images and are no identities, the first of them ${JSON.stringify(empty[0])}.`,
    );
  const listed = files.finish(root);
  return { name: root, layout: 'folder', imageSize: undefined, numClasses: names.length, names, ...listed };
}
