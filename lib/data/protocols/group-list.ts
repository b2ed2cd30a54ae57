import { KappaError } from '../../errors';
import { readLines } from '../../files/lines';
import { badLine } from './listed-pair';

const SHOWN = 60;

/** Which group people, or their images, belong to. */
export class GroupList {
  readonly #groups: ReadonlyMap<string, string>;

  constructor(groups: ReadonlyMap<string, string>) {
    this.#groups = groups;
  }

  /** The group of an image: by its path, else by the folders that it lies in, the innermost first. */
  groupOf(image: string): string | undefined {
    for (let name = image; name !== ''; name = name.slice(0, Math.max(0, name.lastIndexOf('/')))) {
      const group = this.#groups.get(name);
      if (group !== undefined) return group;
    }
    return undefined;
  }
}

/**
 * Reads a list of groups: a line each, with the path of an image or the folder of a person, and the group in the last
 * column; separated by tabs, commas or spaces. Empty lines and lines that begin with `#` say nothing.
 *
 * @throws KappaError `ERR_DATA_NOT_FOUND`, `ERR_DATA_CORRUPT` with the line's number, `ERR_IO`
 */
export async function readGroupList(file: string): Promise<GroupList> {
  const groups = new Map<string, string>();
  for await (const { text, number } of readLines(file, { expected: 'a list of groups' })) {
    if (text.trim() === '' || text.startsWith('#')) continue;
    const separator = text.includes('\t') ? '\t' : text.includes(',') ? ',' : /\s+/;
    const columns = text
      .trim()
      .split(separator)
      .map((column) => column.trim());
    const [name = '', group = ''] = columns;
    if (columns.length !== 2 || name === '' || group === '')
      throw badLine(file, number, '"path group"', `but found ${JSON.stringify(text.slice(0, 100))}`);
    if ((groups.get(name) ?? group) !== group)
      throw new KappaError(
        'ERR_DATA_CORRUPT',
        `${file}, line ${number}: ${shown(name)} belongs to ${shown(groups.get(name)!)} already, and now to ${shown(group)}.`,
      );
    groups.set(name, group);
  }
  if (groups.size === 0) throw new KappaError('ERR_DATA_CORRUPT', `${file} has no groups.`);
  return new GroupList(groups);
}

function shown(text: string): string {
  return text.length > SHOWN ? `${text.slice(0, SHOWN)}...` : text;
}
