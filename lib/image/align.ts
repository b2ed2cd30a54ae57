import { argumentError } from '../errors';
import { estimateSimilarity, invertSimilarity, type Point, type Similarity } from './similarity';

/** An image in memory: 8-bit RGB, rows from the top. */
export interface RgbImage {
  /** height x width x 3 */
  data: Uint8Array;
  width: number;
  height: number;
}

/** Where the eyes, the tip of the nose and the corners of the mouth lie in an aligned face of 112 x 112 pixels. */
export const FACE_TEMPLATE: readonly Point[] = [
  [38.2946, 51.6963],
  [73.5318, 51.5014],
  [56.0252, 71.7366],
  [41.5493, 92.3655],
  [70.7299, 92.2041],
];

const TEMPLATE_SIZE = 112;

/**
 * The five points of a face: left eye, right eye (as seen in the image), nose, left and right corner of the mouth.
 * Of 68 landmarks (the iBUG order, counted from 0) an eye is the mean of its two corners, 36 and 39 or 42 and 45; then
 * 30, 48 and 54.
 * @throws KappaError ERR_ARGUMENT for another number of points
 */
export function fivePoints(points: readonly Point[]): readonly Point[] {
  if (points.length === 5) return points;
  if (points.length !== 68) throw argumentError('points', '5 or 68 points', points);
  const middle = (i: number, k: number): Point => [
    (points[i]![0] + points[k]![0]) / 2,
    (points[i]![1] + points[k]![1]) / 2,
  ];
  return [middle(36, 39), middle(42, 45), points[30]!, points[48]!, points[54]!];
}

/**
 * The similarity transform from an image to an aligned face.
 * @param points 5 or 68 landmarks in pixels of the image; of 68 in iBUG's order the five are taken: middles of the
 *   eyes, tip of the nose, corners of the mouth
 * @param size side of the aligned face; the template is scaled with it. @default 112
 * @throws KappaError ERR_ARGUMENT
 */
export function alignmentTransform(points: readonly Point[], size = TEMPLATE_SIZE): Similarity {
  const scale = size / TEMPLATE_SIZE;
  return estimateSimilarity(
    fivePoints(points),
    FACE_TEMPLATE.map(([x, y]): Point => [x * scale, y * scale]),
  );
}

/**
 * Cuts a face out of an image so that its landmarks come to lie on {@link FACE_TEMPLATE}: least-squares similarity
 * transform, bilinear interpolation, black outside the image.
 * @param points 5 or 68 landmarks in pixels of the image
 * @param options `size`: side of the square result in pixels. @default 112
 * @throws KappaError ERR_ARGUMENT
 */
export function alignFace(
  image: RgbImage,
  points: readonly Point[],
  { size = TEMPLATE_SIZE }: { size?: number } = {},
): RgbImage {
  if (!Number.isInteger(size) || size < 1 || size > 4096)
    throw argumentError('size', 'an integer from 1 to 4096', size);
  return warpSimilarity(image, alignmentTransform(points, size), size, size);
}

/**
 * Warps an image: the result at (x, y) is the image at the inverse transform of (x, y), bilinear between the four
 * pixels around; pixels outside the image count as black.
 * @param transform from the image to the result
 */
export function warpSimilarity(
  image: RgbImage,
  transform: Similarity,
  width: number,
  height: number,
): RgbImage {
  if (image.data.length !== image.width * image.height * 3)
    throw argumentError('image.data', `${image.height} x ${image.width} x 3 bytes`, image.data.length);
  const out = new Uint8Array(width * height * 3);
  const { a, b, tx, ty } = invertSimilarity(transform);
  for (let y = 0, at = 0; y < height; y++)
    for (let x = 0; x < width; x++, at += 3) sample(image, a * x - b * y + tx, b * x + a * y + ty, out, at);
  return { data: out, width, height };
}

/** Writes the three channels of the image at a position between its pixels. */
function sample({ data, width, height }: RgbImage, u: number, v: number, out: Uint8Array, at: number): void {
  const [left, top] = [Math.floor(u), Math.floor(v)];
  if (!(left >= -1 && left < width && top >= -1 && top < height)) return;
  const [right, below] = [u - left, v - top];
  const [hasLeft, hasRight] = [left >= 0, left + 1 < width];
  const [hasTop, hasBelow] = [top >= 0, top + 1 < height];
  const first = 3 * (top * width + left);
  for (let channel = 0; channel < 3; channel++) {
    const p = first + channel;
    let value = 0;
    if (hasTop && hasLeft) value += (1 - right) * (1 - below) * data[p]!;
    if (hasTop && hasRight) value += right * (1 - below) * data[p + 3]!;
    if (hasBelow && hasLeft) value += (1 - right) * below * data[p + 3 * width]!;
    if (hasBelow && hasRight) value += right * below * data[p + 3 * width + 3]!;
    out[at + channel] = Math.round(value);
  }
}
