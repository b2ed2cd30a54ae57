import { Camera } from './camera';
import { HeadShape } from './head-shape';
import type { FaceIdentity } from './identity';
import { computeNormals, PAINT_FIELDS, type Mesh } from './raster';
import type { FaceVariation } from './variation';

/** What a mesh is made of. */
export const Material = { head: 0, ear: 1, neck: 2, hair: 3 } as const;

/** The meshes of one picture, posed, and the camera that looks at them. */
export interface Scene {
  meshes: Mesh[];
  camera: Camera;
}

const HEAD_COLUMNS = 59;
const HEAD_ROWS = 87;
const HEAD_ANGLE = 2.1;

/** Builds head, ears, neck and long hair, turns them into their pose and aligns the camera to the landmarks. */
export function buildScene(identity: FaceIdentity, variation: FaceVariation): Scene {
  const shape = new HeadShape(identity, variation);
  const camera = new Camera(variation);
  camera.align(landmarks(shape, identity, variation));
  const meshes = [
    buildHead(shape),
    ...[-1, 1].map((side) => buildEar(shape, identity, side)),
    buildNeck(identity),
  ];
  if (identity.hair.sideY > 60) meshes.push(buildLongHair(identity, variation));
  for (const mesh of meshes) {
    camera.pose(mesh.position);
    computeNormals(mesh);
  }
  return { meshes, camera };
}

/** Eyes, tip of the nose and corners of the mouth, x, y, z each, in the order of the alignment template. */
function landmarks(shape: HeadShape, identity: FaceIdentity, variation: FaceVariation): Float64Array {
  const { eye, nose, mouth } = identity;
  const { smile } = variation.expression;
  const half = mouth.halfWidth * (1 + smile * 0.18);
  const corner = mouth.y - smile * 2.4;
  const points = new Float64Array(15);
  const places: [number, number][] = [
    [-eye.spacing, 0],
    [eye.spacing, 0],
    [0, nose.length],
    [-half, corner],
    [half, corner],
  ];
  places.forEach(([x, y], index) => shape.point(shape.lambdaOf(x, y), y, points, 3 * index));
  return points;
}

function emptyMesh(columns: number, rows: number, material: number): Mesh {
  const count = columns * rows;
  return {
    columns,
    rows,
    material,
    position: new Float64Array(3 * count),
    normal: new Float64Array(3 * count),
    paint: new Float64Array(PAINT_FIELDS * count),
  };
}

function buildHead(shape: HeadShape): Mesh {
  const mesh = emptyMesh(HEAD_COLUMNS, HEAD_ROWS, Material.head);
  for (let row = 0, at = 0; row < HEAD_ROWS; row++) {
    const y = shape.topY + ((shape.bottomY - shape.topY) * row) / (HEAD_ROWS - 1);
    for (let column = 0; column < HEAD_COLUMNS; column++, at++) {
      // Columns are denser in front, where the features are.
      const t = (2 * column) / (HEAD_COLUMNS - 1) - 1;
      const lambda = HEAD_ANGLE * t * (0.52 + 0.48 * t * t);
      const hollow = shape.point(lambda, y, mesh.position, 3 * at);
      mesh.paint[PAINT_FIELDS * at] = shape.faceX(lambda, y);
      mesh.paint[PAINT_FIELDS * at + 1] = y;
      mesh.paint[PAINT_FIELDS * at + 2] = lambda;
      mesh.paint[PAINT_FIELDS * at + 3] = hollow;
    }
  }
  return mesh;
}

function buildEar(shape: HeadShape, identity: FaceIdentity, side: number): Mesh {
  const columns = 13;
  const rows = 11;
  const mesh = emptyMesh(columns, rows, Material.ear);
  const { earSize, earAngle } = identity.head;
  const x = side * (shape.width(10) - 0.5);
  for (let row = 0, at = 0; row < rows; row++) {
    const v = ((row / (rows - 1)) * 2 - 1) * (Math.PI / 2);
    for (let column = 0; column < columns; column++, at++) {
      const u = ((column / (columns - 1)) * 2 - 1) * Math.PI;
      const rim = Math.cos(v);
      const out = 2.2 * rim * Math.sin(u);
      const back = earSize * 0.55 * rim * Math.cos(u);
      const tall = earSize * Math.sin(v) * (1 - 0.12 * Math.sin(v));
      mesh.position[3 * at] = x + side * (2 - back * Math.sin(earAngle)) + out * Math.cos(earAngle);
      mesh.position[3 * at + 1] = 8 + tall;
      mesh.position[3 * at + 2] = -2 + back * Math.cos(earAngle) + side * out * Math.sin(earAngle);
      // The middle of the ear is hollow, its rim is not.
      mesh.paint[PAINT_FIELDS * at + 3] = 6 * rim * rim * Math.abs(Math.sin(u));
    }
  }
  return mesh;
}

function buildNeck(identity: FaceIdentity): Mesh {
  const columns = 25;
  const rows = 9;
  const mesh = emptyMesh(columns, rows, Material.neck);
  const width = identity.head.jawWidth * 0.84;
  for (let row = 0, at = 0; row < rows; row++) {
    const t = row / (rows - 1);
    const y = 34 + 76 * t;
    const flare = 1 + 2.2 * Math.max(0, t - 0.55) ** 1.5 * 2.4;
    for (let column = 0; column < columns; column++, at++) {
      const lambda = ((2 * column) / (columns - 1) - 1) * 2.2;
      mesh.position[3 * at] = width * flare * Math.sin(lambda);
      mesh.position[3 * at + 1] = y;
      mesh.position[3 * at + 2] = -8 + 25 * (1 + (flare - 1) * 0.4) * Math.cos(lambda);
      mesh.paint[PAINT_FIELDS * at + 1] = y;
      mesh.paint[PAINT_FIELDS * at + 2] = lambda;
      mesh.paint[PAINT_FIELDS * at + 3] = 7 * Math.max(0, 1 - Math.max(0, t - 0.3) * 2.2);
    }
  }
  return mesh;
}

function buildLongHair(identity: FaceIdentity, variation: FaceVariation): Mesh {
  const columns = 33;
  const rows = 13;
  const mesh = emptyMesh(columns, rows, Material.hair);
  const { hair, head } = identity;
  const volume = hair.volume + variation.look.hairLift;
  for (let row = 0, at = 0; row < rows; row++) {
    const t = row / (rows - 1);
    const y = -40 + 140 * t;
    const crown = Math.sqrt(Math.min(1, 0.25 + 3 * t));
    const width = crown * (head.faceWidth + 2 + volume * (0.8 + 0.8 * t) + hair.curl * 4 * Math.sin(t * 9));
    for (let column = 0; column < columns; column++, at++) {
      const lambda = ((2 * column) / (columns - 1) - 1) * 2.2;
      mesh.position[3 * at] = width * Math.sin(lambda);
      mesh.position[3 * at + 1] = y;
      mesh.position[3 * at + 2] = -24 + 28 * Math.cos(lambda) - (Math.abs(lambda) < 0.9 ? 10 : 0);
      mesh.paint[PAINT_FIELDS * at] = width * Math.sin(lambda);
      mesh.paint[PAINT_FIELDS * at + 1] = y;
      mesh.paint[PAINT_FIELDS * at + 2] = lambda;
      mesh.paint[PAINT_FIELDS * at + 3] = 2;
    }
  }
  return mesh;
}
