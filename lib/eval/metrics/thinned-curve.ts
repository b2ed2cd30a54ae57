/** Points of a curve that rises with x. */
export interface Curve {
  readonly x: readonly number[];
  readonly y: readonly number[];
}

/** By how much a curve has to rise for another point. */
const STEP = 0.01;

/**
 * A curve as MegaFace's devkit writes it: the first point, one each time that y has risen by more than 0.01 over the last
 * one that was kept, and the last point.
 */
export function thinned({ x, y }: Curve): Curve {
  const kept: number[] = [];
  for (let i = 0; i < x.length; i++)
    if (i === 0 || i === x.length - 1 || y[i]! - y[kept.at(-1)!]! > STEP) kept.push(i);
  return { x: kept.map((i) => x[i]!), y: kept.map((i) => y[i]!) };
}

/**
 * y at an x that the curve has no point at, as plots of MegaFace read it: on a straight line over log x between the
 * neighbours, or over x where the left one is at 0.
 */
export function readLogLinear({ x, y }: Curve, at: number): number {
  const right = x.findIndex((value) => value > at);
  if (right === -1) return y.at(-1)!;
  if (right === 0) return y[0]!;
  const [x0, x1, y0, y1] = [x[right - 1]!, x[right]!, y[right - 1]!, y[right]!];
  const share =
    x0 === 0 ? (at - x0) / (x1 - x0) : (Math.log(at) - Math.log(x0)) / (Math.log(x1) - Math.log(x0));
  return y0 + share * (y1 - y0);
}

/**
 * The share of pairs whose mate is among the `rank` + 1 nearest, for every rank at which it changes, from 0 to the number
 * of others.
 *
 * @param above of each pair, how many others are nearer than its mate
 */
export function cumulativeMatches(above: Int32Array, others: number): Curve {
  const sorted = above.slice().sort();
  const x: number[] = [0];
  const y: number[] = [0];
  for (const [i, rank] of sorted.entries()) {
    if (rank !== x.at(-1)) {
      x.push(rank);
      y.push(0);
    }
    y[y.length - 1] = (i + 1) / sorted.length;
  }
  if (x.at(-1) !== others) {
    x.push(others);
    y.push(1);
  }
  return { x, y };
}
