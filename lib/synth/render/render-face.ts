import { backdrop } from './backdrop';
import { scale, smoothstep, type Colour } from './colour';
import { develop } from './develop';
import { drawGlasses } from './glasses';
import type { FaceIdentity } from './identity';
import { drawOccluder } from './overlay';
import { FacePaint } from './paint-face';
import { FACE_SIZE, Picture, RATE } from './picture';
import { Illumination } from './illumination';
import { interpolate, newVisibility, PAINT_FIELDS, rasterize, type Visibility } from './raster';
import { buildScene, Material, type Scene } from './scene';
import { ShadowMap } from './shadow-map';
import { shade, type Surface } from './surface';
import type { FaceVariation } from './variation';

// One frame buffer for each thread: its 1.5 MB would otherwise be allocated anew for every face.
let frame: { visible: Visibility; picture: Picture } | undefined;

/**
 * Draws one photograph of a synthetic person: a posed head model with a key light that casts shadows,
 * aligned by its landmarks as ArcFace aligns faces.
 *
 * @returns 112 x 112 sRGB pixels, interleaved, the same bytes for the same arguments.
 */
export function renderFace(identity: FaceIdentity, variation: FaceVariation): Buffer {
  frame ??= { visible: newVisibility(FACE_SIZE * RATE), picture: new Picture() };
  const { visible, picture } = frame;
  const scene = buildScene(identity, variation);
  visible.depth.fill(-1e9);
  visible.mesh.fill(0);
  scene.meshes.forEach((mesh, index) =>
    rasterize(mesh, index, scene.camera.project(mesh.position, RATE), visible),
  );
  shadeSamples(picture, scene, visible, identity, variation);
  drawGlasses(picture, scene, visible, identity, variation);
  drawOccluder(picture, identity, variation);
  return develop(picture.resolve(), FACE_SIZE, variation);
}

function shadeSamples(
  picture: Picture,
  scene: Scene,
  visible: Visibility,
  identity: FaceIdentity,
  variation: FaceVariation,
): void {
  const paint = new FacePaint(identity, variation);
  const sky = backdrop(variation);
  const lamp = new Illumination(variation.light, new ShadowMap(variation.light.direction, scene.meshes));
  const surface: Surface = { red: 0, green: 0, blue: 0, gloss: 0, soft: 0, glint: 0 };
  const point = new Float64Array(6 + PAINT_FIELDS);
  const cloth = scale(variation.background.colours[2], 0.7);
  const masked = variation.occlusion.kind === 'mask';
  const { size, light } = picture;
  // Light and skin change slowly: they are found once for each pixel and mesh, fine paint at every sample.
  for (let pixelY = 0; pixelY < size; pixelY += RATE) {
    for (let pixelX = 0; pixelX < size; pixelX += RATE) {
      let prepared = -1;
      let plain = false;
      let last = 0;
      let behind: Colour = cloth;
      for (let sample = 0; sample < RATE * RATE; sample++) {
        const at = (pixelY + (sample >> 1)) * size + pixelX + (sample & 1);
        const index = visible.mesh[at]!;
        if (index === 0) {
          if (prepared !== 0) behind = sky(pixelX / RATE, pixelY / RATE);
          prepared = 0;
          light[3 * at] = behind[0];
          light[3 * at + 1] = behind[1];
          light[3 * at + 2] = behind[2];
          continue;
        }
        if (plain && prepared === index) {
          light[3 * at] = light[3 * last]!;
          light[3 * at + 1] = light[3 * last + 1]!;
          light[3 * at + 2] = light[3 * last + 2]!;
          continue;
        }
        last = at;
        const mesh = scene.meshes[index - 1]!;
        interpolate(mesh, visible, at, mesh.paint, PAINT_FIELDS, point, 6);
        const [x, y, lambda] = [point[6]!, point[7]!, point[8]!];
        const covered = masked && mesh.material === Material.head && underMask(identity, y, lambda);
        if (prepared !== index) {
          prepared = index;
          plain = mesh.material !== Material.head || !paint.isDetailed(x, y, lambda);
          interpolate(mesh, visible, at, mesh.position, 3, point, 0);
          interpolate(mesh, visible, at, mesh.normal, 3, point, 3);
          if (covered) point.set(scene.camera.rotate(...maskNormal(identity, y, lambda)), 3);
          lamp.prepare(point);
          if (mesh.material === Material.head && !covered) paint.prepare(x, y, lambda);
        }
        if (covered) {
          const pleat = 0.94 + 0.06 * Math.sin(y * 0.7) * Math.exp(-(x * x) / 500);
          matt(surface, scale(variation.occlusion.colour, pleat), 0);
        } else if (mesh.material === Material.head) paint.at(x, y, lambda, surface);
        else if (mesh.material === Material.hair) paint.hairAt(x, y, lambda, surface);
        else if (mesh.material === Material.neck && y > 82 - 6 * Math.cos(lambda)) matt(surface, cloth, 0);
        else matt(surface, paint.skin, 1);
        shade(surface, 1 / (1 + 0.06 * Math.max(0, point[9]!)));
        lamp.apply(surface, light, 3 * at);
      }
    }
  }
}

function matt(surface: Surface, colour: Colour, soft: number): void {
  surface.red = colour[0];
  surface.green = colour[1];
  surface.blue = colour[2];
  surface.gloss = 0;
  surface.soft = soft;
  surface.glint = 0;
}

/** Whether a cloth mask, from the bridge of the nose to the chin and with straps to the ears, is worn here. */
function underMask(identity: FaceIdentity, y: number, lambda: number): boolean {
  const top = identity.nose.length - 9 + 5 * smoothstep(0.2, 1.2, Math.abs(lambda));
  const strap = Math.abs(lambda) > 1.02;
  return y > top && (!strap || Math.abs(y - 30 - 14 * Math.sin(lambda * lambda)) < 1);
}

/** The mask is smooth: it hides the shape of nose and mouth too. */
function maskNormal(identity: FaceIdentity, y: number, lambda: number): [number, number, number] {
  return [Math.sin(lambda) * 0.9, (y - identity.nose.length - 10) / 40, Math.cos(lambda)];
}
