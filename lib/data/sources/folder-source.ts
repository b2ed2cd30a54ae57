import { KappaError } from '../../errors';
import { IMAGE_ENDINGS } from '../../image/format';
import { LAYOUT_HELP, type OpenSourceOptions, type OpenedSource } from './source';
import { folderEntries, imagesBelow } from '../lists/image-files';
import { SampleFiles } from './sample-files';

// Folders read at a time: a network file system answers many questions as fast as one.
const FOLDERS_AT_ONCE = 32;

/**
 * Opens a folder of images: `root/identity/image.jpg` (jpg, png, webp, gif, tiff, avif), with any folders between. The class of
 * an identity is the position of its folder's name among all of them in the order of their UTF-16 code units, which is
 * the same in every locale; images have the order of their relative paths. Names that begin with a dot are passed over.
 * @throws KappaError ERR_DATA_NOT_FOUND, ERR_DATA_CORRUPT, ERR_IO, ERR_CANCELLED
 */
export async function openFolderSource(root: string, options: OpenSourceOptions): Promise<OpenedSource> {
  const { signal, onProgress, onMessage } = options;
  const { folders: identities, images: strays, passed } = await folderEntries(root);
  strays.forEach((name) => passed.stray(name));
  const files = new SampleFiles();
  const names: string[] = [];
  for (let from = 0; from < identities.length; from += FOLDERS_AT_ONCE) {
    if (signal?.aborted) throw new KappaError('ERR_CANCELLED', `Reading the folder ${root} was interrupted.`);
    const some = identities.slice(from, from + FOLDERS_AT_ONCE);
    const images = await Promise.all(some.map((name) => imagesBelow(root, name, passed)));
    some.forEach((name, i) => {
      if (images[i]!.length === 0) return passed.identity(name);
      for (const image of images[i]!) files.add(image, names.length);
      return names.push(name);
    });
    onProgress?.(from + some.length, identities.length);
  }
  const lines = passed.lines(root);
  if (names.length === 0)
    throw new KappaError(
      'ERR_DATA_NOT_FOUND',
      `${root} has neither a file "train.rec" nor folders with images that are read (${IMAGE_ENDINGS.join(', ')}). ${LAYOUT_HELP}.${['', ...lines].join('\n')}`,
    );
  lines.forEach((line) => onMessage?.(line));
  const listed = files.finish(root);
  return { name: root, layout: 'folder', imageSize: undefined, numClasses: names.length, names, ...listed };
}
