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
