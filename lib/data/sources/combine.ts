import { KappaError } from '../../errors';
import type { ResolvedSource } from './options';
import type { OpenedSource } from './source';
import type { SampleTable, TableSource } from '../sample-table';
import { selectSamples, type Selection } from './select';

const DEFAULT_SIZE: [number, number] = [112, 112];

/** Several sources made one. */
export interface CombinedSources {
  table: SampleTable;
  /** The identity's name of each class, null where its source has none; undefined where no source has names. */
  classNames: (string | null)[] | undefined;
}

/**
 * Puts the wanted samples of all sources into one table in shared memory, source after source. Classes are numbered in
 * the order of the sources and, within a source, of its own (or its subset's) classes; a class that a shared source
 * has in common with an earlier one keeps that one's number.
 * @throws KappaError ERR_ARGUMENT, ERR_CONFIG, ERR_DATA_NOT_FOUND, ERR_DATA_CORRUPT, ERR_IO
 */
export async function combineSources(
  opened: readonly OpenedSource[],
  sources: readonly ResolvedSource[],
  options: { imageSize?: [number, number]; onMessage?: (text: string) => void } = {},
): Promise<CombinedSources> {
  const imageSize = commonSize(opened, options.imageSize);
  const selections: Selection[] = [];
  for (const [s, source] of sources.entries())
    selections.push(await selectSamples(opened[s]!, source, options.onMessage));
  const classes = new ClassNumbers(opened, sources);
  const length = selections.reduce((sum, selection) => sum + selection.length, 0);
  const keys = new Uint32Array(new SharedArrayBuffer(4 * length));
  const offsets = new Float64Array(new SharedArrayBuffer(8 * length));
  const labels = new Int32Array(new SharedArrayBuffer(4 * length));
  const tableSources: TableSource[] = [];
  let at = 0;
  for (const [s, found] of opened.entries()) {
    const { classes: keptClasses, kept } = selections[s]!;
    const classOf = classes.add(s, keptClasses);
    const { weight } = sources[s]!;
    tableSources.push({ store: found.store, start: at, weight, classOf });
    const end = at + selections[s]!.length;
    pick(found.keys, kept, keys.subarray(at, end));
    pick(found.offsets, kept, offsets.subarray(at, end));
    const picked = pick(found.labels, kept, labels.subarray(at, end));
    if (classOf) for (let i = 0; i < picked.length; i++) picked[i] = classOf[picked[i]!]!;
    at = end;
  }
  const table = { sources: tableSources, imageSize, numClasses: classes.count, keys, offsets, labels };
  return { table, classNames: classes.names };
}

/** Copies the kept values. */
function pick<T extends Uint32Array | Int32Array | Float64Array>(values: T, kept: Uint8Array, into: T): T {
  if (into.length === values.length) into.set(values);
  else {
    let at = 0;
    for (let i = 0; i < kept.length; i++) if (kept[i] === 1) into[at++] = values[i]!;
  }
  return into;
}

/** Gives classes their numbers. */
class ClassNumbers {
  count = 0;
  readonly #opened: readonly OpenedSource[];
  readonly #sources: readonly ResolvedSource[];
  /** Numbers of the classes that shared sources have, by name or label. */
  readonly #shared = new Map<string | number, number>();
  readonly #names: (string | null)[] | undefined;

  constructor(opened: readonly OpenedSource[], sources: readonly ResolvedSource[]) {
    this.#opened = opened;
    this.#sources = sources;
    const shared = opened.filter((_, s) => sources[s]!.labels === 'shared');
    const nameless = shared.find(({ names }) => names === undefined);
    const named = shared.find(({ names }) => names !== undefined);
    if (nameless && named)
      throw new KappaError(
        'ERR_CONFIG',
        `The labels of ${named.name} and ${nameless.name} cannot be shared: the first has names of its identities, the second has only numbers. Put a file classes.json (a JSON array of names) beside the second, or keep their labels separate.`,
      );
    if (opened.some(({ names }) => names !== undefined)) this.#names = [];
  }

  get names(): (string | null)[] | undefined {
    return this.#names;
  }

  /**
   * Numbers the classes of source s.
   * @returns the class of each of its labels, -1 for those left out; null where they are the labels themselves
   */
  add(s: number, kept: Int32Array | null): Int32Array | null {
    const { numClasses, names } = this.#opened[s]!;
    const isShared = this.#sources[s]!.labels === 'shared';
    const classOf = new Int32Array(numClasses).fill(-1);
    let isIdentity = kept === null;
    for (let i = 0; i < (kept?.length ?? numClasses); i++) {
      const label = kept ? kept[i]! : i;
      const token = names?.[label] ?? label;
      const known = isShared ? this.#shared.get(token) : undefined;
      classOf[label] = known ?? this.count++;
      if (known === undefined && isShared) this.#shared.set(token, classOf[label]!);
      if (known === undefined) this.#names?.push(names?.[label] ?? null);
      if (classOf[label] !== label) isIdentity = false;
    }
    if (isIdentity) return null;
    const posted = new Int32Array(new SharedArrayBuffer(4 * numClasses));
    posted.set(classOf);
    return posted;
  }
}

function commonSize(opened: readonly OpenedSource[], wanted?: [number, number]): [number, number] {
  const sized = opened.filter(({ imageSize }) => imageSize !== undefined);
  const size = wanted ?? sized[0]?.imageSize ?? DEFAULT_SIZE;
  const other = sized.find(({ imageSize }) => imageSize![0] !== size[0] || imageSize![1] !== size[1]);
  if (other)
    throw new KappaError(
      'ERR_CONFIG',
      `The images of ${other.name} are ${other.imageSize!.join(' x ')} (height x width), but ${wanted ? 'those wanted' : `those of ${sized[0]!.name}`} are ${size.join(' x ')}. Bring them to one size first.`,
    );
  return size;
}
