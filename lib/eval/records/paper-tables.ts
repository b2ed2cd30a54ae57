import { formatNumber } from './numbers';
import { publishedRows } from './published';
import type { BenchmarkName, EvaluationRecord, RecordedNumber } from './record';
import { EMPTY, type NamedRecord, type TextTable } from './text-table';

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

interface PaperTable {
  readonly title: string;
  readonly columns: readonly Column[];
  readonly note: string;
  /** What a reader must know of a record to compare it with the published ones. */
  readonly about?: (record: EvaluationRecord) => string | undefined;
}

const PAPER_DISTRACTORS = 1_000_000;

const tables: readonly PaperTable[] = [
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
    about: ({ counts: { distractors } }) =>
      distractors === undefined || distractors === PAPER_DISTRACTORS
        ? undefined
        : `${distractors.toLocaleString('en-US')} distractors`,
  },
];

/**
 * The tables of the paper that the records have numbers for, with the published rows first. Of several records of one
 * model and set the newest counts.
 */
export function paperTables(given: readonly NamedRecord[]): TextTable[] {
  const records = given.toSorted((a, b) => a.record.made.localeCompare(b.record.made));
  const names = [...new Set(given.map(({ name }) => name))];
  return tables.flatMap(({ title, columns, note, about }) => {
    const own = names
      .map((name) => {
        const ofName = records.filter((one) => one.name === name);
        return { name, found: columns.map((column) => findNumber(column, ofName)) };
      })
      .filter(({ found }) => found.some((one) => one !== undefined));
    if (own.length === 0) return [];
    const published = publishedRows.map(({ method, values }) => ({
      isPublished: true,
      cells: [method, ...columns.map(({ key }) => values[key] ?? EMPTY)],
    }));
    const rows = own.map(({ name, found }) => {
      const notes = found.map((one) => one && about?.(one.record)).filter((text) => text !== undefined);
      return {
        isPublished: false,
        cells: [
          [name, ...new Set(notes)].join(', '),
          ...found.map((one) => (one ? formatNumber(one.number) : EMPTY)),
        ],
      };
    });
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

/** The number of a column, of the newest record that has it. */
function findNumber(
  { benchmarks, set, number: wanted }: Column,
  records: readonly NamedRecord[],
): { record: EvaluationRecord; number: RecordedNumber } | undefined {
  const fitting = records.filter(
    ({ record }) =>
      benchmarks.includes(record.benchmark) &&
      (set === undefined || normalised(record.set) === set) &&
      (record.benchmark !== 'ijb-verification' || (record.variant ?? PAPER_VARIANT) === PAPER_VARIANT),
  );
  return fitting
    .flatMap(({ record }) => record.numbers.map((number) => ({ record, number })))
    .findLast(({ number }) => number.id === wanted);
}

function normalised(set: string): string {
  const name = set.toLowerCase().replaceAll('-', '_');
  return name === 'agedb' ? 'agedb_30' : name;
}
