import { KappaError } from '../../errors';
import { lfwCountFault, lfwFault } from './pair-faults';
import { badLine, type Line, type ListedPair } from './listed-pair';

/** Reads the lines of LFW's `pairs.txt`, the one with the numbers first; see `readPairList`. */
export function parseLfw([header, ...lines]: Line[], file: string): ListedPair[] {
  const numbers = header!.columns.map(Number);
  const [folds, perFold] = numbers.length === 2 ? [numbers[0]!, numbers[1]!] : [1, numbers[0]!];
  if (lines.length !== 2 * folds * perFold || lines.length === 0)
    throw new KappaError(
      'ERR_DATA_CORRUPT',
      `${file}: the first line announces ${folds} folds of ${perFold} pairs of one person and as many of two, ${2 * folds * perFold} lines, but ${lines.length} follow.${lfwCountFault(lines)}`,
    );
  return lines.map(({ columns, number }, i) => {
    const isSame = i % (2 * perFold) < perFold;
    const [name, first, other, last] = isSame ? [columns[0], columns[1], columns[0], columns[2]] : columns;
    const indices = [first, last].every((index) => /^\d{1,4}$/.test(index ?? ''));
    if (columns.length !== (isSame ? 3 : 4) || !indices || !name || !other)
      throw badLine(
        file,
        number,
        isSame ? '"name i j"' : '"name1 i name2 j"',
        lfwFault(lines[i]!, isSame, lines),
      );
    return { a: lfwImage(name, first!), b: lfwImage(other, last!), isSame };
  });
}

function lfwImage(name: string, index: string): string {
  return `${name}/${name}_${index.padStart(4, '0')}.jpg`;
}
