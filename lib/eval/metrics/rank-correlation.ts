import { argumentError } from '../../errors';

/**
 * Spearman's rank correlation: Pearson's correlation of the ranks, equal values sharing their average rank.
 *
 * @param a at least two values
 * @param b as many values
 * @returns from -1 to 1; NaN where all values of one side are equal, since there is no order to compare
 * @throws KappaError ERR_ARGUMENT for different lengths, fewer than two values or NaN
 */
export function rankCorrelation(a: ArrayLike<number>, b: ArrayLike<number>): number {
  if (a.length !== b.length) throw argumentError('b', `${a.length} values, as many as a,`, b.length);
  if (a.length < 2) throw argumentError('a', 'at least two values', a.length);
  return pearson(averageRanks(a, 'a'), averageRanks(b, 'b'));
}

function averageRanks(values: ArrayLike<number>, name: string): Float64Array {
  const order = Array.from(values, (value, i) => {
    if (Number.isNaN(value)) throw argumentError(`${name}[${i}]`, 'a number', value);
    return i;
  }).sort((i, j) => {
    const x = values[i] ?? 0;
    const y = values[j] ?? 0;
    return x < y ? -1 : x > y ? 1 : 0;
  });
  const ranks = new Float64Array(values.length);
  for (let start = 0; start < order.length;) {
    let end = start + 1;
    while (end < order.length && values[order[end] ?? 0] === values[order[start] ?? 0]) end++;
    // Ranks start + 1 ... end share their mean.
    for (const i of order.slice(start, end)) ranks[i] = (start + 1 + end) / 2;
    start = end;
  }
  return ranks;
}

function pearson(a: Float64Array, b: Float64Array): number {
  const mean = (a.length + 1) / 2;
  let ab = 0;
  let aa = 0;
  let bb = 0;
  a.forEach((x, i) => {
    const y = b[i] ?? 0;
    ab += (x - mean) * (y - mean);
    aa += (x - mean) ** 2;
    bb += (y - mean) ** 2;
  });
  return aa === 0 || bb === 0 ? NaN : Math.max(-1, Math.min(1, ab / Math.sqrt(aa * bb)));
}
