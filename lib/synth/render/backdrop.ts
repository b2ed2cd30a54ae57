import { mix, scale, smoothstep, type Colour } from './colour';
import { valueNoise } from './noise';
import type { FaceVariation } from './variation';

/** Returns the colour of the backdrop at a pixel of the crop: a wall, a blurred room, daylight or stripes. */
export function backdrop(variation: FaceVariation): (x: number, y: number) => Colour {
  const { kind, colours } = variation.background;
  const offset = variation.seed % 211;
  const dim = colours.map((colour) => scale(colour, 0.85)) as [Colour, Colour, Colour];
  switch (kind) {
    case 0:
      return (x, y) => mix(dim[0], scale(dim[0], 0.45), (x * 0.6 + y) / 180);
    case 1:
      return (x, y) => {
        const a = smoothstep(0.35, 0.65, valueNoise(x / 22 + offset, y / 22));
        const b = smoothstep(0.5, 0.75, valueNoise(x / 11 + 50, y / 13 + offset));
        return mix(mix(dim[0], dim[1], a), dim[2], b);
      };
    case 2:
      return (x, y) => mix(dim[1], dim[2], smoothstep(20, 100, y + 20 * valueNoise(x / 20 + offset, 3)));
    default:
      return (x, y) => {
        const stripe = smoothstep(-0.15, 0.15, Math.sin((x + y * 0.15 + offset) * 0.16));
        return mix(dim[0], dim[1], stripe);
      };
  }
}
