import type { RecordedNumber } from './record';

/** A number as people read it: percent with two decimals, and its interval. */
export function formatNumber({ value, isShare, interval }: RecordedNumber): string {
  const text = (number: number): string => (isShare ? (100 * number).toFixed(2) : String(round(number)));
  return interval ? `${text(value)} [${text(interval.low)}, ${text(interval.high)}]` : text(value);
}

function round(value: number): number {
  return Number(value.toPrecision(5));
}
