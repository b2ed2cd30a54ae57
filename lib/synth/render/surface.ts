import type { Colour } from './colour';

/** What a point of the face is made of, before light falls on it; one object is reused for every sample. */
export interface Surface {
  red: number;
  green: number;
  blue: number;
  /** Strength of the highlight. */
  gloss: number;
  /** Share of the light that has travelled under the skin. */
  soft: number;
  /** A light of its own: the catch light in an eye. */
  glint: number;
}

/** Lays a colour over the surface. */
export function cover(surface: Surface, colour: Colour, alpha: number): void {
  if (alpha <= 0) return;
  const share = alpha > 1 ? 1 : alpha;
  surface.red += (colour[0] - surface.red) * share;
  surface.green += (colour[1] - surface.green) * share;
  surface.blue += (colour[2] - surface.blue) * share;
}

/** Darkens (below 1) or lightens the surface. */
export function shade(surface: Surface, factor: number): void {
  surface.red *= factor;
  surface.green *= factor;
  surface.blue *= factor;
}
