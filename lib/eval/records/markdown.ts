import type { EvaluationRecord, RecordedNumber } from './record';

/** A number as people read it: percent with two decimals, and its interval. */
export function formatNumber({ value, isShare, interval }: RecordedNumber): string {
  const text = (number: number): string => (isShare ? (100 * number).toFixed(2) : String(round(number)));
  return interval ? `${text(value)} [${text(interval.low)}, ${text(interval.high)}]` : text(value);
}

function round(value: number): number {
  return Number(value.toPrecision(5));
}

/** A table of Markdown. */
export function markdownTable(header: readonly string[], rows: readonly (readonly string[])[]): string {
  const line = (cells: readonly string[]): string => `| ${cells.map(escape).join(' | ')} |\n`;
  return line(header) + line(header.map((_, i) => (i === 0 ? '---' : '--:'))) + rows.map(line).join('');
}

function escape(text: string): string {
  return text.replaceAll('|', '\\|').replaceAll('\n', ' ');
}

/** An evaluation as a page of Markdown. */
export function formatRecord(record: EvaluationRecord): string {
  const title = [record.set, record.variant].filter((part) => part !== undefined).join(' ');
  const facts = Object.entries(record.counts).map(
    ([name, count]) => `${count.toLocaleString('en-US')} ${name}`,
  );
  const flags = Object.entries(record.flags).map(([name, value]) => `${name} ${String(value)}`);
  const { resampling } = record;
  return [
    `# ${title}\n`,
    markdownTable(
      ['', ...record.numbers.map(({ label, isShare }) => (isShare ? `${label} %` : label))],
      [[record.model, ...record.numbers.map(formatNumber)]],
    ),
    ...(resampling
      ? [
          `In brackets: 95% intervals, ${resampling.units.toLocaleString('en-US')} ${resampling.unit} drawn ${resampling.draws.toLocaleString('en-US')} times (seed ${resampling.seed}).\n`,
        ]
      : []),
    `- Protocol: ${record.protocol}`,
    ...(flags.length > 0 ? [`- Flags: ${flags.join(', ')}`] : []),
    `- Data: ${record.data}${facts.length > 0 ? `: ${facts.join(', ')}` : ''}`,
    `- Made: ${record.made}\n`,
  ].join('\n');
}
