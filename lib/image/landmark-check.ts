import { FACE_TEMPLATE, fivePoints } from './align';
import { estimateSimilarity, type Point } from './similarity';

/** What makes landmarks suspicious. Of these a face may have each, if seldom; they are counted. */
export type LandmarkDoubt = 'turned' | 'outside' | 'unlike' | 'tiny';

/** What was found wrong with landmarks: an error that says why, or a doubt. */
export type LandmarkFinding = { error: string } | { doubt: LandmarkDoubt };

interface Size {
  width: number;
  height: number;
}

/** Another way in which somebody may have written the points. */
interface Reading {
  /** What the file would be then. */
  likely: string;
  read: (points: readonly Point[], size: Size) => readonly Point[];
}

// Shares of the points' spread that the best similarity transform leaves unexplained. Of a face turned by 60 degrees it
// is 0.13 to 0.3, in full profile 0.45 to 0.6; of points in a wrong order 0.3 (x1 x2 ... y1 y2 ...) to 1 (mirrored).
const FITS = 0.12;
const SUSPICIOUS = 0.15;
const UNLIKE = 0.5;
const IMPOSSIBLE = 0.75;
const CLEARER = 2.5;
const AS_GOOD = 0.03;
// Nobody's eyes and mouth lie within so many pixels; shares of width and height do.
const SHARES_BELOW = 1.5;
const TINY_FACE = 6;
// A detector may put a point beside the border of the image.
const BORDER = 0.02;
const MOST_POINTS = 3;

const order =
  (...at: number[]): Reading['read'] =>
  (points) =>
    points.length === 5 ? at.map((i) => points[i]!) : points;
const numbersOf = (points: readonly Point[]): number[] => points.flatMap(([x, y]) => [x, y]);

const READINGS: readonly Reading[] = [
  {
    likely: 'the numbers stand as x1 x2 ... y1 y2 ...; expected x1 y1 x2 y2 and so on',
    read: (points) => {
      const numbers = numbersOf(points);
      return points.map((_, i): Point => [numbers[i]!, numbers[points.length + i]!]);
    },
  },
  {
    likely: 'the numbers stand as x1 y1 x2 y2 ...; a .lst has x1 ... x5 y1 ... y5',
    read: (points) => {
      const numbers = [...points.map(([x]) => x), ...points.map(([, y]) => y)];
      return points.map((_, i): Point => [numbers[2 * i]!, numbers[2 * i + 1]!]);
    },
  },
  {
    likely: 'x and y are exchanged; expected x1 y1 x2 y2 and so on',
    read: (points) => points.map(([x, y]): Point => [y, x]),
  },
  {
    likely: 'the numbers stand as y1 y2 ... x1 x2 ...; expected x1 y1 x2 y2 and so on',
    read: (points) => {
      const numbers = numbersOf(points);
      return points.map((_, i): Point => [numbers[points.length + i]!, numbers[i]!]);
    },
  },
  {
    likely:
      'left and right are exchanged (left is what lies on the left in the image), or the images are mirrored',
    read: (points) => (points.length === 5 ? order(1, 0, 2, 4, 3)(points, NO_SIZE) : mirrored(points)),
  },
  {
    likely: 'the eyes are exchanged: the one on the left in the image comes first',
    read: order(1, 0, 2, 3, 4),
  },
  {
    likely: 'the corners of the mouth are exchanged: the one on the left in the image comes first',
    read: order(0, 1, 2, 4, 3),
  },
  {
    likely: 'the y run from the bottom up; they count from the top of the image',
    read: (points, { height }) => points.map(([x, y]): Point => [x, height - 1 - y]),
  },
  ...(
    [
      ['eyes, mouth, nose', [0, 1, 4, 2, 3]],
      ['eyes, mouth, nose, right before left', [1, 0, 4, 3, 2]],
      ['nose, eyes, mouth', [1, 2, 0, 3, 4]],
      ['nose, eyes, mouth, right before left', [2, 1, 0, 4, 3]],
      ['mouth, nose, eyes', [3, 4, 2, 0, 1]],
      ['mouth, nose, eyes, right before left', [4, 3, 2, 1, 0]],
      ['nose, mouth, eyes', [3, 4, 0, 1, 2]],
      ['left eye, nose, right eye, mouth', [0, 2, 1, 3, 4]],
      ['left eye, left corner of the mouth, nose, right eye, right corner of the mouth', [0, 3, 2, 1, 4]],
    ] as const
  ).map(([what, at]): Reading => ({
    likely: `the points stand as ${what}; expected left eye, right eye, nose, left and right corner of the mouth`,
    read: order(...at),
  })),
];

const NO_SIZE: Size = { width: 0, height: 0 };

/**
 * Whether landmarks can be a face's in an image: they lie in it, and a similarity transform takes them to where eyes,
 * nose and mouth are. Where another reading of the same numbers fits far better, the error names it.
 * @param points 5 or 68 landmarks
 * @returns undefined where nothing is wrong
 * @throws KappaError ERR_ARGUMENT for another number of points, and degenerate ones
 */
export function checkLandmarks(points: readonly Point[], size: Size): LandmarkFinding | undefined {
  const numbers = numbersOf(points);
  const [least, most] = [Math.min(...numbers), Math.max(...numbers)];
  if (Math.max(size.width, size.height) > 2 && Math.max(-least, most) <= SHARES_BELOW && least < most)
    return {
      error: `all of them lie between ${least} and ${most}, like shares of width and height${least < -0.2 ? ' that run from -1 to 1' : ''}. Expected pixels: ${least < -0.2 ? 'x = (share + 1) / 2 * width of the image, y likewise' : 'multiply x by the width of each image and y by its height'}`,
    };
  const given = misfit(points);
  if (given.share > SUSPICIOUS) {
    const likely = betterReading(points, size, given.share);
    if (likely !== undefined)
      return { error: `eyes, nose and mouth cannot lie like this. Perhaps ${likely}` };
    if (given.share > IMPOSSIBLE)
      return {
        error:
          'eyes, nose and mouth cannot lie like this. Expected left eye, right eye, nose, left and right corner of the mouth as x1 y1 x2 y2 and so on, in pixels of the image',
      };
  }
  const outside = fivePoints(points).filter((point) => isOutside(point, size)).length;
  if (outside >= MOST_POINTS)
    return {
      error: `${outside} of the five points lie outside the image, which has ${size.width} x ${size.height} pixels (width x height). Perhaps they belong to the images before these were cut or shrunk, or to other images`,
    };
  if (outside > 0) return { doubt: 'outside' };
  if (given.share > UNLIKE) return { doubt: 'unlike' };
  if (Math.abs(given.angle) > Math.PI / 2) return { doubt: 'turned' };
  return given.eyes < TINY_FACE ? { doubt: 'tiny' } : undefined;
}

/** How landmarks lie to a face's: the share of their spread that no similarity explains, its angle, the eyes' distance. */
function misfit(points: readonly Point[]): { share: number; angle: number; eyes: number } {
  const five = fivePoints(points);
  const { a, b, tx, ty } = estimateSimilarity(five, FACE_TEMPLATE);
  let [left, all] = [0, 0];
  five.forEach(([x, y], i) => {
    const [u, v] = FACE_TEMPLATE[i]!;
    left += (a * x - b * y + tx - u) ** 2 + (b * x + a * y + ty - v) ** 2;
    all += (u - MEAN[0]) ** 2 + (v - MEAN[1]) ** 2;
  });
  const [first, second] = [five[0]!, five[1]!];
  return {
    share: left / all,
    angle: Math.atan2(b, a),
    eyes: Math.hypot(second[0] - first[0], second[1] - first[1]),
  };
}

const MEAN = [0, 1].map((k) => FACE_TEMPLATE.reduce((sum, point) => sum + point[k]! / 5, 0)) as [
  number,
  number,
];

/** The reading that makes a face of the points, upright if there are several; two that do so equally well. */
function betterReading(points: readonly Point[], size: Size, given: number): string | undefined {
  const found: { likely: string; badness: number }[] = [];
  for (const { likely, read } of READINGS) {
    const { share, angle } = misfitOrNone(read(points, size));
    if (share < FITS && CLEARER * share < given && Math.abs(angle) <= Math.PI / 2)
      found.push({ likely, badness: share + Math.abs(angle) / Math.PI });
  }
  found.sort((x, y) => x.badness - y.badness);
  const best = found.filter(({ badness }) => badness < found[0]!.badness + AS_GOOD).slice(0, 2);
  return best.length === 0 ? undefined : best.map(({ likely }) => likely).join('; or ');
}

function misfitOrNone(points: readonly Point[]): { share: number; angle: number } {
  try {
    return misfit(points);
  } catch {
    return { share: 1, angle: 0 }; // degenerate in this order
  }
}

function isOutside([x, y]: Point, { width, height }: Size): boolean {
  const [dx, dy] = [BORDER * width, BORDER * height];
  return x < -dx || y < -dy || x > width - 1 + dx || y > height - 1 + dy;
}

/** 68 points as they are numbered on the face's mirror image; only those that give the five are placed. */
function mirrored(points: readonly Point[]): readonly Point[] {
  const result = [...points];
  for (const [i, k] of [
    [36, 45],
    [39, 42],
    [48, 54],
  ] as const)
    [result[i], result[k]] = [points[k]!, points[i]!];
  return result;
}
