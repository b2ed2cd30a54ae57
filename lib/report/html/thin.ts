/** Columns that a curve is thinned to: about the pixels of a wide chart. */
const COLUMNS = 600;

/** A series of numbers over ascending places. */
export interface Points {
  readonly x: readonly number[];
  readonly y: readonly number[];
}

/**
 * Thins a long series to what an eye sees of it: of each column of pixels the first, the least, the largest and the last
 * value stay, in their order. No peak is lost.
 */
export function thin({ x, y }: Points, columns = COLUMNS): { x: number[]; y: number[] } {
  const [first, last] = [x[0] ?? 0, x.at(-1) ?? 0];
  if (x.length <= 4 * columns || last === first) return { x: [...x], y: [...y] };
  const kept = new Set<number>();
  let from = 0;
  for (let column = 0; column < columns; column++) {
    const end = first + ((last - first) * (column + 1)) / columns;
    let to = from;
    while (to < x.length && (x[to]! <= end || column === columns - 1)) to++;
    if (to === from) continue;
    let [least, most] = [from, from];
    for (let i = from; i < to; i++) {
      if (y[i]! < y[least]!) least = i;
      if (y[i]! > y[most]!) most = i;
    }
    for (const i of [from, least, most, to - 1]) kept.add(i);
    from = to;
  }
  const order = [...kept].sort((a, b) => a - b);
  return { x: order.map((i) => x[i]!), y: order.map((i) => y[i]!) };
}
