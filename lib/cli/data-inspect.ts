import { inspectData, type DataReport } from '../data/inspect';

/**
 * `kappa data inspect PATH`: says what a dataset folder or a verification set holds.
 * @param options.json print one JSON value instead of text
 * @param options.scan read and decode every image
 */
export async function inspectCommand(
  path: string,
  options: { json?: boolean; scan?: boolean } = {},
): Promise<void> {
  const report = await inspectData(path, { scan: options.scan });
  process.stdout.write(options.json ? `${JSON.stringify(report, null, 2)}\n` : formatReport(report));
}

/** The report as text, a fact a line. */
export function formatReport(report: DataReport): string {
  const facts: [string, string][] =
    report.kind === 'dataset'
      ? [
          ['dataset', report.path],
          ['layout', report.layout],
          ['images', number(report.images)],
          ['classes', `${number(report.classes)} (labels ${report.labels.min} to ${report.labels.max})`],
          ['image size', `${report.imageSize[1]} x ${report.imageSize[0]} as property says`],
          ['images per class', perClass(report.imagesPerClass)],
          ...(report.emptyClasses > 0 ? [pair('empty classes', number(report.emptyClasses))] : []),
          ['singletons', `${number(report.singletons)} classes with one image`],
          ...report.histogram.map((bin) => pair(`  ${range(bin)} images`, `${number(bin.classes)} classes`)),
        ]
      : [
          ['verification set', report.path],
          [
            'pairs',
            `${number(report.pairs)} (${number(report.same)} same, ${number(report.different)} different)`,
          ],
          ['images', number(report.images)],
        ];
  facts.push([
    'looked at',
    `${number(report.survey.images)} images: ${tally(report.survey.formats)}; ${tally(report.survey.sizes)}`,
  ]);
  if (report.numCorrupt !== undefined) facts.push(['damaged images', number(report.numCorrupt)]);
  const width = Math.max(...facts.map(([name]) => name.length)) + 2;
  const lines = facts.map(([name, value]) => `${name.padEnd(width)}${value}`);
  lines.push(...(report.corrupt ?? []).map(({ message }) => `  ${message}`));
  return `${lines.join('\n')}\n`;
}

function pair(name: string, value: string): [string, string] {
  return [name, value];
}

function perClass({
  min,
  median,
  mean,
  max,
}: {
  min: number;
  median: number;
  mean: number;
  max: number;
}): string {
  return `min ${min}, median ${median}, mean ${mean.toFixed(1)}, max ${max}`;
}

function range({ from, to }: { from: number; to: number }): string {
  return from === to ? String(from) : `${from}-${to}`;
}

function tally(counts: Record<string, number>): string {
  return Object.entries(counts)
    .map(([name, count]) => `${name} (${number(count)})`)
    .join(', ');
}

function number(value: number): string {
  return value.toLocaleString('en-US');
}
