/** A colour in linear light: red, green, blue, each usually within [0, 1]. */
export type Colour = readonly [number, number, number];

/** Converts an sRGB colour, 0 to 255, to linear light. */
export function fromSrgb(red: number, green: number, blue: number): Colour {
  const linear = (value: number) => Math.pow(Math.max(0, value) / 255, 2.2);
  return [linear(red), linear(green), linear(blue)];
}

export function mix(a: Colour, b: Colour, share: number): Colour {
  return [a[0] + (b[0] - a[0]) * share, a[1] + (b[1] - a[1]) * share, a[2] + (b[2] - a[2]) * share];
}

export function scale(colour: Colour, factor: number): Colour {
  return [colour[0] * factor, colour[1] * factor, colour[2] * factor];
}

/** Picks a colour between the stops of a scale, `position` in [0, 1]. */
export function fromScale(stops: readonly Colour[], position: number): Colour {
  const at = Math.max(0, Math.min(1, position)) * (stops.length - 1);
  const index = Math.min(stops.length - 2, Math.floor(at));
  return mix(stops[index] as Colour, stops[index + 1] as Colour, at - index);
}

/** 0 below `low`, 1 above `high`, smooth between. */
export function smoothstep(low: number, high: number, value: number): number {
  const t = (value - low) / (high - low);
  return t <= 0 ? 0 : t >= 1 ? 1 : t * t * (3 - 2 * t);
}
