import { numberTables, partTables } from './number-tables';
import { paperTables } from './paper-tables';
import { nameOfModel, nameOfSet, type NamedRecord, type TextTable } from './text-table';
import type { EvaluationRecord } from './record';

/** A table of Markdown. */
function markdownTable(header: readonly string[], rows: readonly (readonly string[])[]): string {
  const line = (cells: readonly string[]): string => `| ${cells.map(escape).join(' | ')} |\n`;
  return line(header) + line(header.map((_, i) => (i === 0 ? '---' : '--:'))) + rows.map(line).join('');
}

/** Text that Markdown takes for nothing else. */
function escape(text: string): string {
  return text
    .replaceAll(/[\\|`]/g, '\\$&')
    .replaceAll('](', ']\\(')
    .replaceAll('&', '&amp;')
    .replaceAll('<', '&lt;')
    .replaceAll(/\s*[\r\n]+\s*/g, ' ');
}

/** An evaluation as a page of Markdown: all its numbers, how they came about, and the paper's beside them. */
export function formatRecord(record: EvaluationRecord): string {
  const named = { name: nameOfModel(record.model), record };
  const own = [...numberTables([named]), ...partTables(named)];
  return [
    `# ${escape(nameOfSet(record))}\n`,
    ...own.map((table) => markdownTable(table.header, cellsOf(table))),
    ...intervalNote([record]),
    ...factsOf(record),
    ...paperTables([named]).flatMap((table) => [`## ${table.title}\n`, tableText(table)]),
  ].join('\n');
}

/**
 * The tables of several evaluations as a page of Markdown: first those of the paper, with its rows, then all numbers.
 *
 * @param given records, or records with the names of their rows
 */
export function formatTables(given: readonly (EvaluationRecord | NamedRecord)[]): string {
  const named = given.map((one) => ('record' in one ? one : { name: nameOfModel(one.model), record: one }));
  const tables = [...paperTables(named), ...numberTables(named), ...named.flatMap(partTables)];
  if (tables.length === 0) return '';
  return [
    ...tables.flatMap((table) => [`## ${escape(table.title)}\n`, tableText(table)]),
    ...intervalNote(named.map(({ record }) => record)),
  ].join('\n');
}

function tableText(table: TextTable): string {
  const notes = table.notes.length > 0 ? `\n${table.notes.map(escape).join(' ')}\n` : '';
  return markdownTable(table.header, cellsOf(table)) + notes;
}

function cellsOf({ rows }: TextTable): (readonly string[])[] {
  return rows.map(({ cells }) => cells);
}

function factsOf(record: EvaluationRecord): string[] {
  const facts = Object.entries(record.counts).map(
    ([name, count]) => `${count.toLocaleString('en-US')} ${name}`,
  );
  const flags = Object.entries(record.flags).map(([name, value]) => `${name} ${String(value)}`);
  return [
    `- Protocol: ${escape(record.protocol)}`,
    ...(flags.length > 0 ? [`- Flags: ${escape(flags.join(', '))}`] : []),
    `- Model: ${escape(record.model)}`,
    `- Data: ${escape(record.data)}${facts.length > 0 ? `: ${escape(facts.join(', '))}` : ''}`,
    `- Made: ${escape(record.made)}\n`,
  ];
}

/** What brackets mean, where there are some. */
function intervalNote(records: readonly EvaluationRecord[]): string[] {
  const texts = records.flatMap(({ resampling, numbers }) =>
    resampling && numbers.some(({ interval }) => interval)
      ? [
          `${resampling.units.toLocaleString('en-US')} ${resampling.unit} drawn ${resampling.draws.toLocaleString('en-US')} times (seed ${resampling.seed})`,
        ]
      : [],
  );
  if (texts.length === 0) return [];
  return [`In brackets: 95% intervals, ${[...new Set(texts)].join('; ')}.\n`];
}
