import type { FaceVariation } from './variation';

/** Distance of the camera from the head's axis, in pixels of the crop. */
const DISTANCE = 430;

/** The head turns about this point: the top of the neck. */
const PIVOT = [0, 20, 5] as const;

/** Where alignment puts eyes, nose and corners of the mouth in a 112 x 112 crop (ArcFace's template). */
const TEMPLATE = [
  [38.2946, 51.6963],
  [73.5318, 51.5014],
  [56.0252, 71.7366],
  [41.5493, 92.3655],
  [70.7299, 92.2041],
] as const;

/** Turns the head into its pose and projects it into the aligned crop. */
export class Camera {
  private readonly turn: Float64Array;
  /** The similarity from the projection to the crop: x' = a x - b y + x0, y' = b x + a y + y0. */
  private similarity = { a: 1, b: 0, x0: 0, y0: 0 };

  constructor(private readonly variation: FaceVariation) {
    const { yaw, pitch, roll } = variation.pose;
    const [sy, cy] = [Math.sin(yaw), Math.cos(yaw)];
    const [sp, cp] = [Math.sin(pitch), Math.cos(pitch)];
    const [sr, cr] = [Math.sin(roll), Math.cos(roll)];
    // Roll after pitch after yaw.
    this.turn = Float64Array.from([
      cr * cy - sr * sp * sy,
      -sr * cp,
      cr * sy + sr * sp * cy,
      sr * cy + cr * sp * sy,
      cr * cp,
      sr * sy - cr * sp * cy,
      -cp * sy,
      sp,
      cp * cy,
    ]);
  }

  /** Rotates positions (x, y, z triples) in place. */
  pose(position: Float64Array): void {
    const r = this.turn;
    for (let at = 0; at < position.length; at += 3) {
      const x = position[at]! - PIVOT[0];
      const y = position[at + 1]! - PIVOT[1];
      const z = position[at + 2]! - PIVOT[2];
      position[at] = r[0]! * x + r[1]! * y + r[2]! * z + PIVOT[0];
      position[at + 1] = r[3]! * x + r[4]! * y + r[5]! * z + PIVOT[1];
      position[at + 2] = r[6]! * x + r[7]! * y + r[8]! * z + PIVOT[2];
    }
  }

  /** Rotates a direction out of the head's frame. */
  rotate(x: number, y: number, z: number): [number, number, number] {
    const r = this.turn;
    return [
      r[0]! * x + r[1]! * y + r[2]! * z,
      r[3]! * x + r[4]! * y + r[5]! * z,
      r[6]! * x + r[7]! * y + r[8]! * z,
    ];
  }

  /**
   * Chooses the least-squares similarity that takes the five projected landmarks to the template, as face
   * alignment does, and adds the picture's misalignment.
   */
  align(landmarks: Float64Array): void {
    const points = Float64Array.from(landmarks);
    this.pose(points);
    const from = TEMPLATE.map((_, index) => {
      const scale = DISTANCE / (DISTANCE - points[3 * index + 2]!);
      return [points[3 * index]! * scale, points[3 * index + 1]! * scale] as const;
    });
    const mean = (values: readonly (readonly [number, number])[], axis: 0 | 1) =>
      values.reduce((sum, value) => sum + value[axis], 0) / values.length;
    const [fx, fy, tx, ty] = [mean(from, 0), mean(from, 1), mean(TEMPLATE, 0), mean(TEMPLATE, 1)];
    let [real, imaginary, power] = [0, 0, 0];
    from.forEach(([px, py], index) => {
      const [x, y] = [px - fx, py - fy];
      const [u, v] = [TEMPLATE[index]![0] - tx, TEMPLATE[index]![1] - ty];
      real += x * u + y * v;
      imaginary += x * v - y * u;
      power += x * x + y * y;
    });
    const { crop } = this.variation;
    const [cos, sin] = [Math.cos(crop.turn) * crop.zoom, Math.sin(crop.turn) * crop.zoom];
    const a = (real * cos - imaginary * sin) / power;
    const b = (real * sin + imaginary * cos) / power;
    this.similarity = { a, b, x0: tx + crop.x - a * fx + b * fy, y0: ty + crop.y - b * fx - a * fy };
  }

  /** Projects posed positions to x, y in samples (`rate` samples a pixel) and depth. */
  project(position: Float64Array, rate: number): Float64Array {
    const { a, b, x0, y0 } = this.similarity;
    const screen = new Float64Array(position.length);
    for (let at = 0; at < position.length; at += 3) {
      const z = position[at + 2]!;
      const scale = DISTANCE / (DISTANCE - z);
      const x = position[at]! * scale;
      const y = position[at + 1]! * scale;
      screen[at] = (a * x - b * y + x0) * rate;
      screen[at + 1] = (b * x + a * y + y0) * rate;
      screen[at + 2] = z;
    }
    return screen;
  }
}
