import path from 'node:path';

/**
 * What to say of a set with one class, from which nothing can be learned; most often its folders lie deeper.
 * @param source its folder, record file or list
 * @param images some of its images by their paths, where it has such
 */
export function oneClass(source: string, images: Iterable<{ path: string }> = []): string {
  const text = `${source} has one class only, and one class teaches nothing: every answer is right.`;
  const inner = new Set<string>();
  for (const { path: file } of images) {
    const parts = file.split('/');
    if (path.isAbsolute(file) || parts.length < 3)
      return `${text} Expected a folder or a label for each person.`;
    inner.add(parts[0]!);
  }
  const [folder] = inner;
  if (inner.size !== 1) return `${text} Expected a folder or a label for each person.`;
  return `${text} Its images lie in folders below ${folder}: perhaps ${path.join(source, folder!)} is the set.`;
}

/**
 * How the images of a list are aligned that says they are not.
 * @param images how many they are
 * @param pointless how many of them have no five points in the list
 */
export function howToAlign(images: number, pointless: number): string {
  if (pointless === 0) return 'kappa data pack with --align takes the five points of the list';
  const which =
    pointless === images
      ? 'the list has no points of them'
      : `${pointless} of them have no points in the list`;
  return `${which}, so kappa data pack needs a file of landmarks (--landmarks)`;
}
