import path from 'node:path';
import { IMAGE_ENDINGS } from '../../image/format';

const NAMED = 5;

/** Counts what a search for images passes over, so that nobody's photos vanish without a word. */
export class PassedOver {
  readonly #endings = new Map<string, number>();
  readonly #folders = new Map<string, number>();
  readonly #lost: string[] = [];
  #strays = 0;
  #firstStray = '';

  /** A file that is no image that is read. */
  file(name: string): void {
    const ending = path.extname(name).toLowerCase();
    this.#endings.set(ending, (this.#endings.get(ending) ?? 0) + 1);
  }

  /** A folder that some tool or machine keeps for itself. */
  folder(name: string): void {
    this.#folders.set(name, (this.#folders.get(name) ?? 0) + 1);
  }

  /** A folder that would be an identity if it had images. */
  identity(name: string): void {
    this.#lost.push(name);
  }

  /** An image beside the folders of identities. */
  stray(name: string): void {
    if (this.#strays++ === 0) this.#firstStray = name;
  }

  /** Takes what another one counted. */
  add(other: PassedOver): void {
    for (const [ending, count] of other.#endings)
      this.#endings.set(ending, (this.#endings.get(ending) ?? 0) + count);
    for (const [name, count] of other.#folders)
      this.#folders.set(name, (this.#folders.get(name) ?? 0) + count);
    this.#lost.push(...other.#lost);
    if (this.#strays === 0) this.#firstStray = other.#firstStray;
    this.#strays += other.#strays;
  }

  /** What there is to say, a line each. @param root the folder that was searched */
  lines(root: string): string[] {
    const lines: string[] = [];
    const files = [...this.#endings.values()].reduce((sum, count) => sum + count, 0);
    if (files > 0)
      lines.push(
        `${root}: ${files} ${files === 1 ? 'file was' : 'files were'} passed over, by ending: ${tally(this.#endings)}. Images are read that end with ${IMAGE_ENDINGS.join(', ')}, or have no ending and are one of these.`,
      );
    if (this.#strays > 0)
      lines.push(
        `${root}: ${this.#strays} ${this.#strays === 1 ? 'image lies' : 'images lie'} in no folder and ${this.#strays === 1 ? 'belongs' : 'belong'} to no identity, the first of them ${this.#firstStray}.`,
      );
    if (this.#folders.size > 0)
      lines.push(
        `${root}: folders that machines and tools keep for themselves were passed over: ${[...this.#folders.keys()].slice(0, NAMED).join(', ')}.`,
      );
    if (this.#lost.length > 0) {
      const named = this.#lost.slice(0, NAMED).map((name) => JSON.stringify(name));
      lines.push(
        `${root}: ${this.#lost.length} ${this.#lost.length === 1 ? 'folder has no image that is read and is no identity' : 'folders have no image that is read and are no identities'}: ${named.join(', ')}${this.#lost.length > NAMED ? ', ...' : ''}.`,
      );
    }
    return lines;
  }
}

/** `.bmp (3), .db (1), none (1)`: the most frequent ones first. */
function tally(counts: ReadonlyMap<string, number>): string {
  const sorted = [...counts].sort(([x, a], [y, b]) => b - a || (x < y ? -1 : 1));
  const shown = sorted.slice(0, 2 * NAMED).map(([ending, count]) => `${ending || 'none'} (${count})`);
  return shown.join(', ') + (sorted.length > shown.length ? ', ...' : '');
}
