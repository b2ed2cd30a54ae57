import { scale, smoothstep, type Colour } from './colour';
import type { FaceIdentity } from './identity';
import type { Visibility } from './raster';
import type { Picture } from './picture';
import type { Scene } from './scene';
import type { FaceVariation } from './variation';

/** Draws glasses, or sunglasses over the eyes, as a flat frame in front of the posed face. */
export function drawGlasses(
  picture: Picture,
  scene: Scene,
  visible: Visibility,
  identity: FaceIdentity,
  variation: FaceVariation,
): void {
  const dark = variation.occlusion.kind === 'sunglasses';
  if (!dark && !variation.look.glasses) return;
  const { glasses, eye, nose } = identity;
  const grow = dark ? 1.12 : 1;
  const [half, tall] = [glasses.halfWidth * grow, glasses.halfHeight * grow];
  const centre = Math.max(eye.spacing, half + 2);
  const depth = 46 + nose.bridge * 0.6;
  const exposure = variation.light.key[1] * 0.7 + variation.light.ambient[1];
  const rim = scale(dark ? scale(variation.occlusion.colour, 0.15) : glasses.colour, exposure);
  const tint: Colour = dark ? [0.012, 0.012, 0.014] : scale([0.8, 0.85, 0.9], exposure * 0.7);

  const plane = toScreen(scene, picture.rate, [
    [0, 0, depth],
    [10, 0, depth],
    [0, 10, depth],
  ]);
  const [ox, oy, oz] = [plane[0]!, plane[1]!, plane[2]!];
  const [ux, uy, uz] = [(plane[3]! - ox) / 10, (plane[4]! - oy) / 10, (plane[5]! - oz) / 10];
  const [vx, vy, vz] = [(plane[6]! - ox) / 10, (plane[7]! - oy) / 10, (plane[8]! - oz) / 10];
  const determinant = ux * vy - uy * vx;
  if (Math.abs(determinant) < 0.05) return;
  drawTemples(picture, scene, visible, { x: centre + half, depth, width: identity.head.faceWidth, rim });

  const power = 2 + 2.5 * (1 - glasses.roundness);
  const { size } = picture;
  const reachU = centre + half + 4;
  const reachV = tall + 6;
  const reachX = Math.abs(ux) * reachU + Math.abs(vx) * reachV;
  const reachY = Math.abs(uy) * reachU + Math.abs(vy) * reachV;
  const bottom = Math.min(size - 1, Math.ceil(oy + reachY));
  const right = Math.min(size - 1, Math.ceil(ox + reachX));
  for (let y = Math.max(0, Math.floor(oy - reachY)); y <= bottom; y++) {
    for (let x = Math.max(0, Math.floor(ox - reachX)); x <= right; x++) {
      const px = x - ox;
      const py = y - oy;
      const u = (px * vy - py * vx) / determinant;
      const v = (py * ux - px * uy) / determinant - 1.5;
      if (v < -tall - 4 || v > tall + 4 || u < -reachU || u > reachU) continue;
      const at = y * size + x;
      if (visible.mesh[at] && visible.depth[at]! > oz + u * uz + (v + 1.5) * vz + 4) continue;
      const du = (Math.abs(u) - centre) / half;
      const dv = v / tall;
      const radius = Math.pow(Math.pow(Math.abs(du), power) + Math.pow(Math.abs(dv), power), 1 / power);
      const edge = (radius - 1) * Math.min(half, tall);
      if (edge < 0) {
        const streak = Math.exp(-(((u * 0.5 + v + 2) / 3) ** 2));
        picture.blend(x, y, tint, dark ? 0.94 : 0.05 + 0.12 * streak);
      }
      let frame = 1 - smoothstep(glasses.rim - 0.35, glasses.rim + 0.35, Math.abs(edge));
      if (Math.abs(u) < centre - half) {
        frame = Math.max(frame, 1 - smoothstep(0.7, 1.3, Math.abs(v + tall * 0.25 - u * u * 0.06)));
      }
      if (frame > 0) picture.blend(x, y, rim, frame * 0.95);
    }
  }
}

function drawTemples(
  picture: Picture,
  scene: Scene,
  visible: Visibility,
  frame: { x: number; depth: number; width: number; rim: Colour },
): void {
  const { size, rate } = picture;
  for (const side of [-1, 1]) {
    const ends = toScreen(scene, rate, [
      [side * frame.x, -1, frame.depth],
      [side * (frame.width + 1.5), -1, frame.depth - 14],
      [side * (frame.width + 2.5), 0, 2],
    ]);
    for (let part = 0; part < 2; part++) {
      const a = 3 * part;
      const steps = Math.ceil(Math.hypot(ends[a + 3]! - ends[a]!, ends[a + 4]! - ends[a + 1]!) * 1.5) + 1;
      for (let step = 0; step <= steps; step++) {
        const t = step / steps;
        const x = Math.round(ends[a]! + (ends[a + 3]! - ends[a]!) * t);
        const z = ends[a + 2]! + (ends[a + 5]! - ends[a + 2]!) * t;
        const middle = ends[a + 1]! + (ends[a + 4]! - ends[a + 1]!) * t;
        for (let y = Math.round(middle - rate * 0.8); y <= middle + rate * 0.8; y++) {
          if (x < 0 || y < 0 || x >= size || y >= size) continue;
          const at = y * size + x;
          if (visible.mesh[at] && visible.depth[at]! > z + 2) continue;
          picture.blend(x, y, frame.rim, 0.8);
        }
      }
    }
  }
}

function toScreen(scene: Scene, rate: number, points: readonly (readonly number[])[]): Float64Array {
  const position = Float64Array.from(points.flat());
  scene.camera.pose(position);
  return scene.camera.project(position, rate);
}
