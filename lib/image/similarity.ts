import { KappaError, argumentError } from '../errors';

/** A point in pixels: x to the right, y down; integers are the centres of pixels. */
export type Point = readonly [x: number, y: number];

/** A similarity transform as the rows of a 2 x 3 matrix: x' = a x - b y + tx, y' = b x + a y + ty. */
export interface Similarity {
  /** s cos(angle) */
  a: number;
  /** s sin(angle) */
  b: number;
  tx: number;
  ty: number;
}

// Below this share of the points' own spread the rotation is decided by rounding errors alone.
const DEGENERATE = 1e-10;

/**
 * The least-squares similarity transform (rotation, uniform scale, translation; never a reflection) that takes `from`
 * to `to`, in closed form. In the plane Umeyama's solution, with its correction of reflections, needs no singular value
 * decomposition: the best rotation is the direction of (sum of dot products, sum of cross products) of the centred points.
 *
 * S. Umeyama, Least-squares estimation of transformation parameters between two point patterns, PAMI 1991, eq. 40 to 43.
 * @param from at least two points, not all the same
 * @param to as many points
 * @throws KappaError ERR_SHAPE, ERR_ARGUMENT (not finite, or so degenerate that no transform is best)
 */
export function estimateSimilarity(from: readonly Point[], to: readonly Point[]): Similarity {
  if (from.length !== to.length)
    throw new KappaError(
      'ERR_SHAPE',
      `Expected as many points on both sides but received ${from.length} and ${to.length}.`,
    );
  if (from.length < 2) throw argumentError('from', 'at least two points', from);
  const finite = (points: readonly Point[]) =>
    points.every(([x, y]) => Number.isFinite(x) && Number.isFinite(y));
  if (!finite(from)) throw argumentError('from', 'finite coordinates', 'NaN or infinity');
  if (!finite(to)) throw argumentError('to', 'finite coordinates', 'NaN or infinity');
  const [fromMean, toMean] = [mean(from), mean(to)];
  let [dot, cross, fromSpread, toSpread] = [0, 0, 0, 0];
  from.forEach((point, i) => {
    const [x, y] = [point[0] - fromMean[0], point[1] - fromMean[1]];
    const [u, v] = [to[i]![0] - toMean[0], to[i]![1] - toMean[1]];
    dot += x * u + y * v;
    cross += x * v - y * u;
    fromSpread += x * x + y * y;
    toSpread += u * u + v * v;
  });
  const magnitude = from.reduce((sum, [x, y]) => sum + x * x + y * y, 0);
  if (!(fromSpread > DEGENERATE ** 2 * magnitude) || !Number.isFinite(fromSpread))
    throw degenerate('all points of the face are the same');
  if (!(Math.hypot(dot, cross) > DEGENERATE * Math.sqrt(fromSpread * toSpread)))
    throw degenerate('every rotation fits the points equally badly');
  const [a, b] = [dot / fromSpread, cross / fromSpread];
  return {
    a,
    b,
    tx: toMean[0] - a * fromMean[0] + b * fromMean[1],
    ty: toMean[1] - b * fromMean[0] - a * fromMean[1],
  };
}

/** The transform that undoes another. */
export function invertSimilarity({ a, b, tx, ty }: Similarity): Similarity {
  const scale = a * a + b * b;
  const [c, d] = [a / scale, -b / scale];
  return { a: c, b: d, tx: -(c * tx - d * ty), ty: -(d * tx + c * ty) };
}

function mean(points: readonly Point[]): [number, number] {
  let [x, y] = [0, 0];
  for (const point of points) {
    x += point[0];
    y += point[1];
  }
  return [x / points.length, y / points.length];
}

function degenerate(why: string): KappaError {
  return new KappaError(
    'ERR_ARGUMENT',
    `No similarity transform can be estimated: ${why}. Check the landmarks.`,
  );
}
