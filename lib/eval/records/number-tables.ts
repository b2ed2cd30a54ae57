import { formatNumber } from './numbers';
import type { BenchmarkName, RecordedNumber } from './record';
import { benchmarkTitles, EMPTY, nameOfSet, type NamedRecord, type TextTable } from './text-table';

/** Every number of the records: a table for each benchmark whose records have the same numbers. */
export function numberTables(records: readonly NamedRecord[]): TextTable[] {
  const groups = new Map<string, NamedRecord[]>();
  for (const one of records) {
    const { benchmark, numbers } = one.record;
    if (numbers.every(({ id }) => id.includes('/'))) continue;
    const key = JSON.stringify([benchmark, plain(numbers).map(({ id }) => id)]);
    groups.set(key, [...(groups.get(key) ?? []), one]);
  }
  return [...groups.values()].map((group) => {
    const [first] = group;
    return {
      title: benchmarkTitles[first!.record.benchmark],
      header: ['Model', 'Set', ...plain(first!.record.numbers).map(labelWithUnit)],
      rows: group.map(({ name, record }) => ({
        isPublished: false,
        cells: [name, nameOfSet(record), ...plain(record.numbers).map((number) => formatNumber(number))],
      })),
      notes: [],
    };
  });
}

/** The numbers of the parts of a benchmark, such as groups of people: a row for each part. */
export function partTables({ name, record }: NamedRecord): TextTable[] {
  const parts = record.numbers.filter(({ id }) => id.includes('/'));
  if (parts.length === 0) return [];
  const split = parts.map((number) => ({ ...partOf(number.id), number }));
  const metrics = [...new Set(split.map(({ metric }) => metric))];
  const names = [...new Set(split.map(({ part }) => part))];
  const find = (part: string, metric: string): RecordedNumber | undefined =>
    split.find((one) => one.part === part && one.metric === metric)?.number;
  return [
    {
      title: `${benchmarkTitles[record.benchmark]}, ${record.set}: ${name}`,
      header: [
        partTitles[record.benchmark] ?? 'Part',
        ...metrics.map((metric) => {
          const { number, part } = split.find((one) => one.metric === metric)!;
          return labelWithUnit({ ...number, label: withoutPart(number.label, part) });
        }),
      ],
      rows: names.map((part) => ({
        isPublished: false,
        cells: [
          part,
          ...metrics.map((metric) => {
            const number = find(part, metric);
            return number ? formatNumber(number) : EMPTY;
          }),
        ],
      })),
      notes: [],
    },
  ];
}

/** What stands before the slash of an id, or behind it, where that before it is what is measured. */
function partOf(id: string): { part: string; metric: string } {
  const at = id.indexOf('/');
  const [before, behind] = [id.slice(0, at), id.slice(at + 1)];
  return METRIC.test(before) && !METRIC.test(behind)
    ? { part: behind, metric: before }
    : { part: before, metric: behind };
}

const METRIC = /^(accuracy|(customary-)?(tar|val|tpir|fnir|fmr|fnmr)(@.*)?|rank-\d+|auc|eer|std)$/;

/** What the parts of benchmarks are. */
const partTitles: Partial<Record<BenchmarkName, string>> = {
  groups: 'Group',
  megaface: 'Distractors',
  'ijb-identification': 'Rule',
};

/** A label without the part that it is of: the row says that. */
function withoutPart(label: string, part: string): string {
  const shown = /^\d+$/.test(part) ? Number(part).toLocaleString('en-US') : part;
  const bare = label
    .replace(new RegExp(`( (among|with|of))? ?${escapeRegExp(shown)}( distractors| rule)?`), '')
    .replace(/^[\s:,/–-]+|[\s:,/–-]+$/g, '');
  return bare === '' ? label : bare;
}

function escapeRegExp(text: string): string {
  return text.replace(/[.*+?^${}()|[\]\\]/g, '\\$&');
}

function plain(numbers: readonly RecordedNumber[]): RecordedNumber[] {
  return numbers.filter(({ id }) => !id.includes('/'));
}

function labelWithUnit({ label, isShare }: RecordedNumber): string {
  return isShare && !label.includes('%') ? `${label}, %` : label;
}
