import path from 'node:path';
import { KappaError } from '../../errors';
import { readLines } from '../../files/lines';
import type { ListedPair } from './listed-pair';

const FOLDS = 10;

/**
 * Reads CFP's protocol: `Pair_list_F.txt` (frontal) and `Pair_list_P.txt` (profile) with lines `number path`, and for
 * each of ten folds `Split/FP/01/same.txt` and `diff.txt` with lines `i,j`: frontal image i and profile image j (in
 * `Split/FF` both are frontal). Paths are relative to the folder that holds `Data` and `Protocol`.
 * @throws KappaError ERR_DATA_NOT_FOUND, ERR_DATA_CORRUPT with the line's number, ERR_IO
 */
export async function readCfpPairs(folder: string, protocol: 'fp' | 'ff'): Promise<ListedPair[]> {
  const frontal = await readImages(path.join(folder, 'Pair_list_F.txt'));
  const other = protocol === 'ff' ? frontal : await readImages(path.join(folder, 'Pair_list_P.txt'));
  const pairs: ListedPair[] = [];
  for (let fold = 1; fold <= FOLDS; fold++)
    for (const [name, isSame] of [
      ['same.txt', true],
      ['diff.txt', false],
    ] as const) {
      const file = path.join(folder, 'Split', protocol.toUpperCase(), String(fold).padStart(2, '0'), name);
      for await (const { text, number } of readLines(file, { expected: "a list of CFP's protocol" })) {
        if (text.trim() === '') continue;
        const [i, j, ...more] = text.split(',').map(Number);
        const [a, b] = [frontal.get(i!), other.get(j!)];
        if (a === undefined || b === undefined || more.length > 0)
          throw new KappaError(
            'ERR_DATA_CORRUPT',
            `${file}, line ${number}: expected "i,j", two numbers of the image lists, found ${JSON.stringify(text.slice(0, 60))}.`,
          );
        pairs.push({ a, b, isSame });
      }
    }
  return pairs;
}

async function readImages(file: string): Promise<Map<number, string>> {
  const images = new Map<number, string>();
  for await (const { text, number } of readLines(file, { expected: "a list of CFP's protocol" })) {
    if (text.trim() === '') continue;
    const match = /^\s*(\d+)\s+(?:\.\.\/)*(\S.*?)\s*$/.exec(text);
    if (match === null)
      throw new KappaError(
        'ERR_DATA_CORRUPT',
        `${file}, line ${number}: expected "number path", found ${JSON.stringify(text.slice(0, 60))}.`,
      );
    images.set(Number(match[1]), match[2]!);
  }
  return images;
}
