import { KappaError } from '../../errors';
import type { RecordIndex } from './index-file';
import type { RecordReader } from './reader';

const MAX_PROBES = 1000;

/** What a look at an index and its record file came to. */
export interface IndexCheck {
  /** Why the index does not belong to the file; undefined where it does. */
  problem: string | undefined;
  /** Whether that means another record file altogether (or changed offsets), not an older state of this one. */
  foreign: boolean;
  /** Offsets that were tried, and those where no record begins: where the index belongs to the file, that is damaged. */
  tried: number;
  missed: number;
  /** Says where the first of those is. */
  firstMiss: string | undefined;
}

/**
 * Finds out whether an index belongs to a record file: most of its offsets must hit records (a thousand are tried; a
 * few misses are damage to the file), no two may be the same, and the last of them must end where the file does.
 * @throws KappaError ERR_DATA_CORRUPT when the record file itself is to blame: it is truncated
 */
export function checkIndex(records: RecordReader, { keys, offsets }: RecordIndex): IndexCheck {
  const check: IndexCheck = {
    problem: undefined,
    foreign: false,
    tried: 0,
    missed: 0,
    firstMiss: undefined,
  };
  const misfit = (problem: string, foreign = false): IndexCheck => ({ ...check, problem, foreign });
  if (records.size > 0 && !records.beginsRecord(0))
    throw new KappaError(
      'ERR_DATA_CORRUPT',
      `${records.path} does not begin with a record: it is no RecordIO file, or it is damaged.`,
    );
  let [last, beyond, firstBeyond] = [-1, 0, -1];
  for (let i = 0; i < offsets.length; i++) {
    const offset = offsets[i]!;
    if (offset % 4 !== 0)
      return misfit(`it puts record ${keys[i]} at byte ${offset}, which is not a multiple of 4`, true);
    if (offset + 8 > records.size) {
      if (beyond++ === 0) firstBeyond = i;
    } else if (last === -1 || offset > offsets[last]!) last = i;
  }
  const twice = doubledOffset(offsets);
  if (twice !== undefined) {
    const [first, second] = [offsets.indexOf(twice), offsets.lastIndexOf(twice)];
    return misfit(`it puts both record ${keys[first]} and record ${keys[second]} at byte ${twice}`, true);
  }
  const step = Math.max(1, Math.floor(offsets.length / MAX_PROBES));
  const misses = (i: number): boolean =>
    offsets[i]! + 8 <= records.size && !records.beginsRecord(offsets[i]!);
  for (let i = 0; i < offsets.length; i += step) {
    check.tried++;
    if (!misses(i)) continue;
    check.missed++;
    check.firstMiss ??= `it puts record ${keys[i]} at byte ${offsets[i]}, where no record begins`;
  }
  if (2 * check.missed > check.tried) return misfit(check.firstMiss!, true);
  if (last !== -1 && misses(last))
    return misfit(`it puts record ${keys[last]} at byte ${offsets[last]}, where no record begins`, true);
  // Throws where the last record is cut off, so that from here on it ends within the file.
  const end = last === -1 ? 0 : records.endOf(offsets[last]!);
  if (end < records.size)
    return misfit(
      `its last record${beyond > 0 ? ' within the file' : ''} ends at byte ${end}, but the file has ${records.size} bytes`,
      beyond > 0,
    );
  if (beyond > 0)
    throw new KappaError(
      'ERR_DATA_CORRUPT',
      `${records.path} is truncated: it has ${records.size} bytes, but its index puts ${beyond} of ${offsets.length} records beyond them (the first is record ${keys[firstBeyond]} at byte ${offsets[firstBeyond]}), and the others where they are. Fetch the file again, or take the index that belongs to it.`,
    );
  return check;
}

/** An offset that stands there twice, or undefined. */
function doubledOffset(offsets: Float64Array): number | undefined {
  const notAbove = (values: Float64Array) => {
    for (let i = 1; i < values.length; i++) if (values[i]! <= values[i - 1]!) return i;
    return -1;
  };
  if (notAbove(offsets) === -1) return undefined;
  const sorted = Float64Array.from(offsets).sort();
  const at = notAbove(sorted);
  return at === -1 ? undefined : sorted[at];
}
