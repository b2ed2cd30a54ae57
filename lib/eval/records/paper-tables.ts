import path from 'node:path';

import { formatNumber } from './numbers';
import { publishedRows } from './published';
import type { BenchmarkName, EvaluationRecord, RecordedNumber } from './record';

/** A table of texts, with what it is of. */
export interface TextTable {
  readonly title: string;
  readonly header: readonly string[];
  readonly rows: readonly TextRow[];
  /** Sentences below it. */
  readonly notes: readonly string[];
}

/** A row of a {@link TextTable}; the first cell names it. */
export interface TextRow {
  readonly cells: readonly string[];
  /** Whether it is somebody else's. */
  readonly isPublished: boolean;
}

/** A column of a table of the paper: one number of one benchmark. */
interface Column {
  readonly key: string;
  readonly title: string;
  readonly benchmarks: readonly BenchmarkName[];
  /** undefined: of any set. */
  readonly set?: string;
  readonly number: string;
}

const PAPER_VARIANT = 'N0D1F1';
const EMPTY = '–';

const accuracies: readonly Column[] = (
  [
    ['lfw', 'LFW'],
    ['cfp_fp', 'CFP-FP'],
    ['cplfw', 'CPLFW'],
    ['agedb_30', 'AgeDB-30'],
    ['calfw', 'CALFW'],
    ['ytf', 'YTF'],
  ] as const
).map(([set, title]) => ({
  ...{ key: set, set, title },
  benchmarks: ['verification', 'lfw', 'ytf'],
  number: 'accuracy',
}));

const tables: readonly { title: string; columns: readonly Column[]; note: string }[] = [
  {
    title: 'Table 1: verification accuracy, %',
    columns: accuracies,
    note: 'Mean accuracy of ten folds.',
  },
  {
    title: 'Table 2: 1:1 verification, TAR at FAR 1e-4, %',
    columns: (['ijbb', 'ijbc'] as const).map((set) => ({
      ...{ key: set, set, title: set === 'ijbb' ? 'IJB-B' : 'IJB-C' },
      ...{ benchmarks: ['ijb-verification'], number: 'tar@far=1e-4' },
    })),
    note: `By the rule ${PAPER_VARIANT}: norms kept, detector scores, mirror images.`,
  },
  {
    title: 'Table 3: MegaFace, %',
    columns: [
      {
        ...{ key: 'megaface-id', title: 'Id (rank 1)', benchmarks: ['megaface'], number: 'rank-1' },
      },
      {
        ...{ key: 'megaface-ver', title: 'Ver (TAR at FAR 1e-6)', benchmarks: ['megaface'] },
        number: 'tar@far=1e-6',
      },
    ],
    note: 'FaceScrub as the probes, 1,000,000 distractors in the published rows.',
  },
];

/** A record with the name that its row bears. */
export interface NamedRecord {
  readonly name: string;
  readonly record: EvaluationRecord;
}

/** The names of models as rows of tables bear them: the run and the step, or the file of features. */
export function nameOfModel(model: string): string {
  const parts = path
    .normalize(model)
    .split(path.sep)
    .filter((part) => part !== '');
  const step = /^step-0*(\d+)$/.exec(parts.at(-1) ?? '')?.[1];
  if (parts.at(-2) === 'checkpoints' && parts.length > 2)
    return step === undefined ? parts.at(-3)! : `${parts.at(-3)} (step ${step})`;
  return parts.at(-1) ?? model;
}

/**
 * The tables of the paper that the records have numbers for, with the published rows first. Of several records of one
 * model and set the newest counts.
 */
export function paperTables(given: readonly NamedRecord[]): TextTable[] {
  const records = given.toSorted((a, b) => a.record.made.localeCompare(b.record.made));
  const names = [...new Set(given.map(({ name }) => name))];
  return tables.flatMap(({ title, columns, note }) => {
    const cells = names.map((name) => ({
      name,
      numbers: columns.map((column) =>
        numberOf(
          column,
          records.filter((one) => one.name === name),
        ),
      ),
    }));
    const own = cells.filter(({ numbers }) => numbers.some((number) => number !== undefined));
    if (own.length === 0) return [];
    const used = columns.map((_, i) => i);
    const published = publishedRows.map(({ method, values }) => ({
      isPublished: true,
      cells: [method, ...used.map((i) => values[columns[i]!.key] ?? EMPTY)],
    }));
    const rows = own.map(({ name, numbers }) => ({
      isPublished: false,
      cells: [name, ...numbers.map((number) => (number ? formatNumber(number) : EMPTY))],
    }));
    const sources = [...new Set(publishedRows.map(({ trained, source }) => `${trained}; ${source}`))];
    return [
      {
        ...{ title, header: ['Method', ...columns.map((column) => column.title)] },
        rows: [...published, ...rows],
        notes: [note, `Published rows: ${sources.join('. ')}.`],
      },
    ];
  });
}

function numberOf(
  { benchmarks, set, number }: Column,
  records: readonly NamedRecord[],
): RecordedNumber | undefined {
  const fitting = records.filter(
    ({ record }) =>
      benchmarks.includes(record.benchmark) &&
      (set === undefined || normalised(record.set) === set) &&
      (record.benchmark !== 'ijb-verification' || (record.variant ?? PAPER_VARIANT) === PAPER_VARIANT),
  );
  return fitting.flatMap(({ record }) => record.numbers.filter(({ id }) => id === number)).at(-1);
}

function normalised(set: string): string {
  const name = set.toLowerCase().replaceAll('-', '_');
  return name === 'agedb' ? 'agedb_30' : name;
}

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
  const split = parts.map((number) => {
    const at = number.id.indexOf('/');
    return { part: number.id.slice(0, at), metric: number.id.slice(at + 1), number };
  });
  const metrics = [...new Set(split.map(({ metric }) => metric))];
  const names = [...new Set(split.map(({ part }) => part))];
  const find = (part: string, metric: string): RecordedNumber | undefined =>
    split.find((one) => one.part === part && one.metric === metric)?.number;
  return [
    {
      title: `${nameOfSet(record)} by group: ${name}`,
      header: [
        'Group',
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

function withoutPart(label: string, part: string): string {
  const bare = label.replace(part, '').replace(/^[\s:,/–-]+|[\s:,/–-]+$|\s+of$/g, '');
  return bare === '' ? label : bare;
}

/** What the benchmarks are called. */
export const benchmarkTitles: Readonly<Record<BenchmarkName, string>> = {
  verification: 'Verification',
  lfw: 'LFW, official protocol',
  ytf: 'YouTube Faces',
  'ijb-verification': 'IJB 1:1 verification',
  'ijb-identification': 'IJB 1:N identification',
  megaface: 'MegaFace',
  groups: 'Groups of people',
};

/** A set's name, with the rule where there are several. */
export function nameOfSet({ set, variant }: EvaluationRecord): string {
  return variant === undefined ? set : `${set} ${variant}`;
}

function plain(numbers: readonly RecordedNumber[]): RecordedNumber[] {
  return numbers.filter(({ id }) => !id.includes('/'));
}

function labelWithUnit({ label, isShare }: RecordedNumber): string {
  return isShare && !label.includes('%') ? `${label}, %` : label;
}
