import { KappaError } from '../../errors';

/** A pair of image files, as paths relative to the images' folder, with `/` between the parts. */
export interface ListedPair {
  a: string;
  b: string;
  isSame: boolean;
}

/** A line of a list of pairs, cut into its columns. */
export interface Line {
  columns: string[];
  /** All of it. */
  text: string;
  number: number;
}

/** The error for a line that is not what its list asks for. @param why what it is instead */
export function badLine(file: string, number: number, expected: string, why: string): KappaError {
  return new KappaError('ERR_DATA_CORRUPT', `${file}, line ${number}: expected ${expected}, ${why}.`);
}
