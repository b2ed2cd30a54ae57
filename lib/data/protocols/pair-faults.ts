import type { Line } from './listed-pair';

/** What is wrong with lines of lists of pairs, and which form was likely meant: for error messages. */

const FLAG = /^(0|1|-1)$/;
const NUMBER = /^\d+$/;
const WORD_FLAG =
  /^(true|false|t|f|yes|no|y|n|same|diff|different|genuine|impost[eo]r|positive|negative|pos|neg)$/i;
const HEADING_WORDS =
  /^#?\s*"?(path|file|filename|image|img|pic|picture|photo|name|person|id|identity|label|flag|issame|is_same|same|match|target|fold|index|imagenum|picid)[\s_]*(id)?[\s_]*[0-9a-b]?"?$/i;
const IMAGE_ENDING = /\.[a-z]{3,4}"?$/i;
const SHOWN = 60;

/** A column in quotes, cut in its middle where it is long: both of its ends may tell. */
function shown(column: string): string {
  const text = column.length > SHOWN ? `${column.slice(0, SHOWN / 2)}...${column.slice(-SHOWN / 2)}` : column;
  return JSON.stringify(text);
}

/** Whether a line names columns. */
function isHeading({ columns }: Line): boolean {
  return columns.every((column) => HEADING_WORDS.test(column));
}

/** Whether a line is one of LFW's: `name i j` or `name1 i name2 j`. */
export function isLfw({ columns: [, i, j, k], columns }: Line): boolean {
  const index = (column?: string) => NUMBER.test(column ?? '');
  return (
    !index(columns[0]) && index(i) && (columns.length === 3 ? index(j) : columns.length === 4 && index(k))
  );
}

/** What a line has instead of two paths and a flag. */
export function columnsFault(line: Line, lines: readonly Line[]): string {
  const { columns, text } = line;
  const strange = separatorFault(line);
  if (strange !== undefined) return strange;
  if (text.startsWith('#')) return `found a comment, ${shown(text)}: take it away`;
  if (isHeading(line)) {
    const rest = lines.find((other) => other !== line && !isHeading(other));
    return `found a heading, ${shown(columns.join(' '))}: take it away${rest && isLfw(rest) ? `. ${lfwWithoutHead(lines)}` : ''}`;
  }
  if (isLfw(line)) return `found ${shown(columns.join(' '))}. ${lfwWithoutHead(lines)}`;
  const flags = columns.flatMap((column, i) => (FLAG.test(column) ? [i] : []));
  if (columns.length === 3) {
    const empty = columns.indexOf('');
    if (empty !== -1) return `but column ${empty + 1} is empty`;
    if (flags.length === 1 && flags[0]! < 2)
      return `but the flag stands in column ${flags[0]! + 1} (${shown(columns[flags[0]!]!)}), and column 3 is ${shown(columns[2]!)}: put the flag last`;
    return `but column 3 is ${flagFault(columns[2]!)}`;
  }
  if (columns.length === 2)
    return `but found two columns, the second of them ${shown(columns[1]!)}: a path or the flag is missing`;
  const index = NUMBER.test(columns[0]!) && FLAG.test(columns.at(-1)!) && columns.length === 4;
  const advice = index
    ? ': take the first one away, which seems to count the lines'
    : FLAG.test(columns[2]!)
      ? `: take away what follows the flag, ${shown(columns[3]!)}`
      : /[\t,]/.test(text)
        ? ''
        : ': where paths contain spaces, separate the columns by tabs or commas';
  return `but found ${columns.length} columns, ${columns.slice(0, 5).map(shown).join(', ')}${columns.length > 5 ? ', ...' : ''}${advice}`;
}

/** What a line has instead of a path and a flag. */
export function flaggedFault(line: Line): string {
  const { columns, text } = line;
  const strange = separatorFault(line);
  if (strange !== undefined) return strange;
  if (isHeading(line)) return `found a heading, ${shown(columns.join(' '))}: take it away`;
  if (columns.length !== 2)
    return `but found ${columns.length} columns, ${shown(text)}, where the first line has two: are there two paths and a flag in a line, each line needs them`;
  if (columns[0] === '') return 'but column 1 is empty';
  if (NUMBER.test(columns[0]!) && !NUMBER.test(columns[1]!))
    return `but column 1 is ${shown(columns[0]!)} and column 2 ${shown(columns[1]!)}: put the flag last`;
  const second = columns[1]!;
  return IMAGE_ENDING.test(second) || second.includes('/') || second.includes('\\')
    ? `but column 2 is ${shown(second)}: two paths in a line need a flag after them, 1 for the same person and 0 for two`
    : `but column 2 is ${flagFault(second)}`;
}

/** What a line has instead of LFW's `name i j` or `name1 i name2 j`. */
export function lfwFault(line: Line, isSame: boolean, lines: readonly Line[]): string {
  const { columns } = line;
  if (isHeading(line)) return `found a heading, ${shown(columns.join(' '))}: take it away`;
  if (columns.length !== (isSame ? 3 : 4)) {
    const other = columns.length === (isSame ? 4 : 3) && isLfw(line);
    const mixed = isMixed(lines)
      ? ' Pairs of both kinds are mixed: in each fold those of one person come first, then as many of two.'
      : '';
    return other
      ? `found a pair of ${isSame ? 'two people' : 'one person'}, ${shown(columns.join(' '))}.${mixed || ' Perhaps the first line announces another number.'}`
      : `but found ${columns.length} columns, ${shown(columns.join(' '))}`;
  }
  const places = isSame ? [1, 2] : [1, 3];
  const bad = places.find((i) => !/^\d{1,4}$/.test(columns[i]!));
  if (bad !== undefined)
    return `but column ${bad + 1} is ${shown(columns[bad]!)}: expected the number of an image, 1 to 9999`;
  return `but column ${columns.indexOf('') + 1} is empty`;
}

/** What to say of LFW's form whose first line announces another number of lines than there are. */
export function lfwCountFault(lines: readonly Line[]): string {
  const [same, different] = lfwCounts(lines);
  if (same + different !== lines.length) return '';
  const mixed = isMixed(lines)
    ? ' They are mixed: in each fold those of one person come first, then as many of two.'
    : '';
  const head =
    same === different
      ? ` For one fold the first line is ${same}.`
      : ' A fold needs as many of each; a list "path1 path2 1|0" does not.';
  return ` There are ${same} of one person and ${different} of two.${head}${mixed}`;
}

function lfwWithoutHead(lines: readonly Line[]): string {
  const ours = lines.filter(isLfw);
  const [same, different] = lfwCounts(ours);
  const mixed = isMixed(ours)
    ? ', with the pairs of one person before those of two (here they are mixed)'
    : '';
  const head =
    same === different && same > 0
      ? `for these ${ours.length} pairs as one fold "${same}"${mixed}`
      : `"folds pairs", where each fold has so many pairs of one person and then as many of two (here there are ${same} and ${different})`;
  return `This looks like LFW's form without its first line. Put that first: ${head}`;
}

function lfwCounts(lines: readonly Line[]): [same: number, different: number] {
  const same = lines.filter((line) => isLfw(line) && line.columns.length === 3).length;
  return [same, lines.filter((line) => isLfw(line) && line.columns.length === 4).length];
}

/** Whether pairs of one person follow on those of two although there could be just one change. */
function isMixed(lines: readonly Line[]): boolean {
  const kinds = lines.filter(isLfw).map(({ columns }) => columns.length);
  const changes = kinds.filter((kind, i) => i > 0 && kind !== kinds[i - 1]).length;
  return changes > 1;
}

function separatorFault({ columns, text }: Line): string | undefined {
  if (columns.length > 1) return undefined;
  const mark = [';', '|'].find((one) => text.includes(one));
  if (mark === undefined) return `but found one column, ${shown(text)}`;
  const name = mark === ';' ? 'semicolons' : 'bars';
  return `found columns that are separated by ${name}, ${shown(text)}: separate them by tabs, commas or spaces`;
}

function flagFault(column: string): string {
  const expected = 'expected 1 for the same person and 0 (or -1) for two';
  const hint = /^[01]\.0*$/.test(column)
    ? ', without decimals'
    : WORD_FLAG.test(column)
      ? ', as numbers'
      : /^["'].*["']$/.test(column)
        ? ', without quotes'
        : '';
  return column === '' ? `empty: ${expected}` : `${shown(column)}: ${expected}${hint}`;
}
