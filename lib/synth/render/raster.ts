/** A grid of vertices with what the shading needs to know at each of them. */
export interface Mesh {
  columns: number;
  rows: number;
  material: number;
  /** Position in the head's frame after pose: x, y, z for each vertex. */
  position: Float64Array;
  /** Unit normals, three numbers for each vertex. */
  normal: Float64Array;
  /** Coordinates on the surface and hollowness: `PAINT_FIELDS` numbers for each vertex. */
  paint: Float64Array;
}

/** Paint fields: x on the face, y on the face, angle, hollowness. */
export const PAINT_FIELDS = 4;

/** What is visible at each sample of the picture. */
export interface Visibility {
  size: number;
  depth: Float32Array;
  /** Index of the mesh plus one, 0 for background. */
  mesh: Uint8Array;
  /** The triangle's first vertex, doubled, plus one for the lower triangle of its cell. */
  cell: Int32Array;
  /** Weights of the second and third vertex. */
  weights: Float32Array;
}

export function newVisibility(size: number): Visibility {
  const samples = size * size;
  return {
    size,
    depth: new Float32Array(samples),
    mesh: new Uint8Array(samples),
    cell: new Int32Array(samples),
    weights: new Float32Array(2 * samples),
  };
}

/**
 * Draws a mesh into the visibility buffer with a depth test; larger depth is nearer.
 *
 * @param screen x, y in samples and depth for each vertex.
 */
export function rasterize(mesh: Mesh, index: number, screen: Float64Array, target: Visibility): void {
  const { columns, rows } = mesh;
  for (let row = 0; row + 1 < rows; row++) {
    for (let column = 0; column + 1 < columns; column++) {
      const corner = row * columns + column;
      drawTriangle(screen, corner, corner + 1, corner + columns, corner * 2, index, target);
      drawTriangle(screen, corner + columns + 1, corner + columns, corner + 1, corner * 2 + 1, index, target);
    }
  }
}

/**
 * Interpolates vertex attributes, `fields` numbers for each vertex, at a visible sample into `out[offset..]`.
 */
export function interpolate(
  mesh: Mesh,
  visible: Visibility,
  at: number,
  attribute: Float64Array,
  fields: number,
  out: Float64Array,
  offset: number,
): void {
  const cell = visible.cell[at]!;
  const corner = cell >> 1;
  const lower = (cell & 1) === 1;
  const a = fields * (lower ? corner + mesh.columns + 1 : corner);
  const b = fields * (lower ? corner + mesh.columns : corner + 1);
  const c = fields * (lower ? corner + 1 : corner + mesh.columns);
  const wb = visible.weights[2 * at]!;
  const wc = visible.weights[2 * at + 1]!;
  const wa = 1 - wb - wc;
  for (let k = 0; k < fields; k++) {
    out[offset + k] = wa * attribute[a + k]! + wb * attribute[b + k]! + wc * attribute[c + k]!;
  }
}

function drawTriangle(
  screen: Float64Array,
  a: number,
  b: number,
  c: number,
  cell: number,
  index: number,
  target: Visibility,
): void {
  const { size, depth, mesh, weights } = target;
  const ax = screen[3 * a]!;
  const ay = screen[3 * a + 1]!;
  const bx = screen[3 * b]! - ax;
  const by = screen[3 * b + 1]! - ay;
  const cx = screen[3 * c]! - ax;
  const cy = screen[3 * c + 1]! - ay;
  const area = bx * cy - by * cx;
  // Triangles turned away are hidden by the ones that face the viewer.
  if (area < 1e-9) return;
  const left = Math.max(0, Math.ceil(ax + Math.min(0, bx, cx)));
  const right = Math.min(size - 1, Math.floor(ax + Math.max(0, bx, cx)));
  const top = Math.max(0, Math.ceil(ay + Math.min(0, by, cy)));
  const bottom = Math.min(size - 1, Math.floor(ay + Math.max(0, by, cy)));
  if (left > right || top > bottom) return;
  const az = screen[3 * a + 2]!;
  const bz = screen[3 * b + 2]! - az;
  const cz = screen[3 * c + 2]! - az;
  const inverse = 1 / area;
  for (let y = top; y <= bottom; y++) {
    const py = y - ay;
    for (let x = left; x <= right; x++) {
      const px = x - ax;
      const wb = (px * cy - py * cx) * inverse;
      if (wb < 0) continue;
      const wc = (bx * py - by * px) * inverse;
      if (wc < 0 || wb + wc > 1) continue;
      const z = az + wb * bz + wc * cz;
      const at = y * size + x;
      if (z <= depth[at]!) continue;
      depth[at] = z;
      mesh[at] = index + 1;
      target.cell[at] = cell;
      weights[2 * at] = wb;
      weights[2 * at + 1] = wc;
    }
  }
}

/** Fills the mesh's normals from its grid of positions; columns run to the viewer's right and rows down. */
export function computeNormals(mesh: Mesh): void {
  const { columns, rows, position: p, normal } = mesh;
  for (let row = 0; row < rows; row++) {
    const up = Math.max(0, row - 1) * columns;
    const down = Math.min(rows - 1, row + 1) * columns;
    for (let column = 0; column < columns; column++) {
      const left = 3 * (row * columns + Math.max(0, column - 1));
      const right = 3 * (row * columns + Math.min(columns - 1, column + 1));
      const above = 3 * (up + column);
      const below = 3 * (down + column);
      const ux = p[right]! - p[left]!;
      const uy = p[right + 1]! - p[left + 1]!;
      const uz = p[right + 2]! - p[left + 2]!;
      const vx = p[below]! - p[above]!;
      const vy = p[below + 1]! - p[above + 1]!;
      const vz = p[below + 2]! - p[above + 2]!;
      const nx = uy * vz - uz * vy;
      const ny = uz * vx - ux * vz;
      const nz = ux * vy - uy * vx;
      const length = Math.sqrt(nx * nx + ny * ny + nz * nz) || 1;
      const at = 3 * (row * columns + column);
      normal[at] = nx / length;
      normal[at + 1] = ny / length;
      normal[at + 2] = nz / length;
    }
  }
}
