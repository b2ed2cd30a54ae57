import assert from 'node:assert/strict';
import { FACE_TEMPLATE } from '../../lib/image/align';
import { checkLandmarks } from '../../lib/image/landmark-check';
import type { Point } from '../../lib/image/similarity';

// Eyes, nose and corners of the mouth in millimetres, as a head has them: x to the right, y down, z to the front.
const HEAD = [
  [-31.5, 0, 0],
  [31.5, 0, 0],
  [0, 34, 28],
  [-26, 66, 6],
  [26, 66, 6],
] as const;
const SIZE = { width: 640, height: 480 };

/** The points of a head that turns (yaw), nods (pitch) and tilts (roll), in degrees. */
function head(yaw = 0, pitch = 0, roll = 0, scale = 1.5): Point[] {
  const [a, b, c] = [yaw, pitch, roll].map((angle) => (angle * Math.PI) / 180) as [number, number, number];
  return HEAD.map(([x, y, z]) => {
    const [u, w] = [Math.cos(a) * x + Math.sin(a) * z, Math.cos(a) * z - Math.sin(a) * x];
    const v = Math.cos(b) * y - Math.sin(b) * w;
    return [
      300 + scale * (Math.cos(c) * u - Math.sin(c) * v),
      200 + scale * (Math.sin(c) * u + Math.cos(c) * v),
    ];
  });
}

const pick = (...at: number[]) => {
  const points = head(15, 10, -12);
  return at.map((i) => points[i]!);
};
const pairs = (numbers: number[]): Point[] =>
  Array.from({ length: numbers.length / 2 }, (_, i): Point => [numbers[2 * i]!, numbers[2 * i + 1]!]);
const halves = (numbers: number[]): Point[] =>
  numbers.slice(numbers.length / 2).map((second, i): Point => [numbers[i]!, second]);
const xs = (points: readonly Point[]) => points.map(([x]) => x);
const ys = (points: readonly Point[]) => points.map(([, y]) => y);

describe('landmarks that are held against a face', () => {
  it('are good for faces from the front to the profile, nodding and tilted', () => {
    for (const yaw of [-80, -45, 0, 30, 60, 80])
      for (const pitch of [-30, 0, 30])
        for (const roll of [-60, 0, 45])
          assert.equal(checkLandmarks(head(yaw, pitch, roll), SIZE), undefined, `${yaw}, ${pitch}, ${roll}`);
    assert.equal(checkLandmarks(FACE_TEMPLATE, { width: 112, height: 112 }), undefined);
  });

  const face = pick(0, 1, 2, 3, 4);
  const mistakes: [string, Point[], RegExp][] = [
    ['left and right exchanged', pick(1, 0, 2, 4, 3), /left and right are exchanged/],
    ['the eyes exchanged', pick(1, 0, 2, 3, 4), /the eyes are exchanged/],
    ['the corners of the mouth exchanged', pick(0, 1, 2, 4, 3), /corners of the mouth are exchanged/],
    ['all x before all y', pairs([...xs(face), ...ys(face)]), /numbers stand as x1 x2 \.\.\. y1 y2/],
    ['all y before all x', pairs([...ys(face), ...xs(face)]), /numbers stand as y1 y2 \.\.\. x1 x2/],
    ['pairs where a list has all x first', halves(face.flat()), /numbers stand as x1 y1 x2 y2.*a \.lst has/],
    ['y before x', face.map(([x, y]): Point => [y, x]), /x and y are exchanged/],
    ['y from the bottom', face.map(([x, y]): Point => [x, 479 - y]), /y run from the bottom/],
    ['the nose last', pick(0, 1, 3, 4, 2), /points stand as eyes, mouth, nose;/],
    ['the nose first', pick(2, 0, 1, 3, 4), /points stand as nose, eyes, mouth;/],
    ['the mouth first', pick(3, 4, 2, 0, 1), /points stand as mouth, nose, eyes/],
    [
      'shares of the image',
      face.map(([x, y]): Point => [x / 640, y / 480]),
      /like shares of width and height\./,
    ],
    [
      'shares from -1 to 1',
      face.map(([x, y]): Point => [x / 320 - 1, y / 240 - 1]),
      /like shares .* from -1 to 1/,
    ],
    [
      'those of a larger image',
      face.map(([x, y]): Point => [3 * x, 3 * y]),
      /5 of the five points lie outside/,
    ],
    [
      'points that are none of a face',
      [
        [9, 9],
        [400, 20],
        [30, 300],
        [310, 310],
        [200, 10],
      ],
      /cannot lie like this/,
    ],
  ];
  for (const [what, points, likely] of mistakes)
    it(`are refused with the likely mistake: ${what}`, () => {
      const finding = checkLandmarks(points, SIZE);
      assert.ok(finding && 'error' in finding, JSON.stringify(finding));
      assert.match(finding.error, likely);
    });

  it('are told of 68 points, too', () => {
    const iBug = (points: readonly Point[]): Point[] => {
      const all = Array.from({ length: 68 }, (): Point => [300, 220]);
      [36, 39].forEach((i) => (all[i] = points[0]!));
      [42, 45].forEach((i) => (all[i] = points[1]!));
      [30, 48, 54].forEach((i, k) => (all[i] = points[2 + k]!));
      return all;
    };
    assert.equal(checkLandmarks(iBug(face), SIZE), undefined);
    const error = (points: Point[]) => {
      const finding = checkLandmarks(points, SIZE);
      return finding && 'error' in finding ? finding.error : '';
    };
    const whole = iBug(face);
    assert.match(error(iBug(pick(1, 0, 2, 4, 3))), /left and right are exchanged/);
    assert.match(error(pairs([...xs(whole), ...ys(whole)])), /x1 x2 \.\.\. y1 y2/);
    assert.match(error(whole.map(([x, y]): Point => [y, x])), /x and y are exchanged/);
    assert.match(error(whole.map(([x, y]): Point => [x / 640, y / 480])), /shares of width and height/);
  });

  it('are doubted, not refused, where a face may have them', () => {
    const doubt = (points: Point[]) => {
      const finding = checkLandmarks(points, SIZE);
      return finding && 'doubt' in finding ? finding.doubt : finding;
    };
    assert.equal(doubt(head(0, 0, 170)), 'turned');
    assert.equal(doubt(head(0, 0, -120)), 'turned');
    assert.equal(doubt(head(0, 0, 80)), undefined);
    assert.equal(doubt(head(20).map(([x, y]): Point => [x - 275, y])), 'outside');
    assert.equal(doubt(head(0, 0, 0, 0.05)), 'tiny');
    assert.equal(doubt(head(90, 45)), 'unlike');
  });
});
