import assert from 'node:assert/strict';
import {
  FACE_TEMPLATE,
  alignFace,
  alignmentTransform,
  fivePoints,
  warpSimilarity,
} from '../../lib/image/align';
import {
  estimateSimilarity,
  invertSimilarity,
  type Point,
  type Similarity,
} from '../../lib/image/similarity';
import { close, golden, throws } from '../support/assert';

interface Case {
  name: string;
  from: Point[];
  to: Point[];
  matrix: number[][];
}

const matrix = ({ a, b, tx, ty }: Similarity) => [a, -b, tx, b, a, ty];
const apply = ({ a, b, tx, ty }: Similarity, [x, y]: Point): Point => [
  a * x - b * y + tx,
  b * x + a * y + ty,
];

/** Pixels without any order, so that every one of them counts. */
function noise(width: number, height: number) {
  let state = 12345;
  const data = Uint8Array.from({ length: width * height * 3 }, () => {
    state = (Math.imul(state, 1103515245) + 12345) >>> 0;
    return state >>> 24;
  });
  return { data, width, height };
}

describe('the similarity transform', () => {
  for (const { name, from, to, matrix: expected } of golden<{ cases: Case[] }>('similarity.json').cases)
    it(`agrees with Umeyama's decomposition for ${name}`, () => {
      close(matrix(estimateSimilarity(from, to)), expected.flat(), 1e-9);
    });

  it('is undone by its inverse', () => {
    const transform = { a: 0.3, b: -1.7, tx: 40, ty: -9 };
    const point: Point = [17.5, -3.25];
    close(apply(invertSimilarity(transform), apply(transform, point)), point, 1e-12);
  });

  it('refuses points that determine none', () => {
    const same = FACE_TEMPLATE.map((): Point => [50, 60]);
    throws(
      () => estimateSimilarity(same, FACE_TEMPLATE),
      'ERR_ARGUMENT',
      /all points of the face are the same/,
    );
    throws(() => estimateSimilarity(FACE_TEMPLATE, same), 'ERR_ARGUMENT', /every rotation fits/);
    // A square and its mirror image: no rotation is better than another.
    const square: Point[] = [
      [1, 1],
      [-1, 1],
      [-1, -1],
      [1, -1],
    ];
    const mirrored = square.map(([x, y]): Point => [y, x]);
    throws(() => estimateSimilarity(square, mirrored), 'ERR_ARGUMENT', /every rotation fits/);
    throws(() => estimateSimilarity([[1, 2]], [[1, 2]]), 'ERR_ARGUMENT', /at least two points/);
    throws(() => estimateSimilarity(square, FACE_TEMPLATE), 'ERR_SHAPE', /4 and 5/);
    const [first, ...rest] = FACE_TEMPLATE;
    for (const bad of [NaN, Infinity])
      throws(
        () => estimateSimilarity([[bad, first![1]], ...rest], FACE_TEMPLATE),
        'ERR_ARGUMENT',
        /finite coordinates/,
      );
  });
});

describe('an aligned face', () => {
  it('takes the eyes of 68 landmarks from their corners', () => {
    const points = Array.from({ length: 68 }, (_, i): Point => [i, 100 + 2 * i]);
    assert.deepEqual(fivePoints(points), [
      [37.5, 175],
      [43.5, 187],
      [30, 160],
      [48, 196],
      [54, 208],
    ]);
    throws(() => fivePoints(points.slice(1)), 'ERR_ARGUMENT', /5 or 68 points/);
  });

  it('is the image itself where the landmarks lie on the template', () => {
    const image = noise(112, 112);
    assert.deepEqual(alignFace(image, FACE_TEMPLATE).data, image.data);
  });

  it('is scaled with its size', () => {
    const image = noise(224, 224);
    const twice = FACE_TEMPLATE.map(([x, y]): Point => [2 * x, 2 * y]);
    assert.deepEqual(alignFace(image, twice, { size: 224 }).data, image.data);
    throws(() => alignFace(image, twice, { size: 0 }), 'ERR_ARGUMENT', /from 1 to 4096/);
  });

  it('has the pixels of a bilinear interpolation with a black border', () => {
    const image = noise(90, 70);
    const points: Point[] = [
      [31, 20],
      [58, 27],
      [41, 38],
      [27, 49],
      [50, 56],
    ];
    const aligned = alignFace(image, points);
    // Written out once more: a padded image, the tent function over all pixels, the inverse by Cramer's rule.
    const { a, b, tx, ty } = alignmentTransform(points);
    const determinant = a * a + b * b;
    const tent = (distance: number) => Math.max(0, 1 - Math.abs(distance));
    for (let y = 0; y < 112; y += 3)
      for (let x = 0; x < 112; x += 3) {
        const u = (a * (x - tx) + b * (y - ty)) / determinant;
        const v = (a * (y - ty) - b * (x - tx)) / determinant;
        for (let channel = 0; channel < 3; channel++) {
          let sum = 0;
          for (let row = 0; row < 70; row++) {
            const weight = tent(v - row);
            if (weight > 0)
              for (let column = 0; column < 90; column++)
                sum += weight * tent(u - column) * image.data[3 * (90 * row + column) + channel]!;
          }
          const found = aligned.data[3 * (112 * y + x) + channel]!;
          assert.ok(
            Math.abs(found - sum) <= 0.5 + 1e-9,
            `(${x}, ${y}, ${channel}): ${found}, expected ${sum}`,
          );
        }
      }
  });

  it('is black where the image has nothing', () => {
    const image = { data: new Uint8Array(4 * 4 * 3).fill(255), width: 4, height: 4 };
    const shifted = warpSimilarity(image, { a: 1, b: 0, tx: 2.5, ty: 0 }, 8, 4);
    assert.deepEqual(
      Array.from({ length: 8 }, (_, x) => shifted.data[3 * x]),
      [0, 0, 128, 255, 255, 255, 128, 0],
    );
  });

  it('refuses pixels that do not fit the size', () => {
    const image = { data: new Uint8Array(10), width: 4, height: 4 };
    throws(() => alignFace(image, FACE_TEMPLATE), 'ERR_ARGUMENT', /4 x 4 x 3 bytes/);
  });
});
