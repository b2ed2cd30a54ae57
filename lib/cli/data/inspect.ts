import { inspectData, type DataReport, type HistogramBin } from '../../prepare/inspect';
import { writeSheet } from '../../report/pictures/contact-sheet';
import { writeHistogram } from '../../report/pictures/histogram';
import { KappaError } from '../../errors';
import { runLongTask } from '../long-task';
import { count as number, printJson } from '../output';

/** Options of `kappa data inspect`. */
export interface InspectCommandOptions {
  /** Print one JSON value instead of text. */
  json?: boolean;
  /** Read and decode every image. */
  scan?: boolean;
  /** PNG or SVG file to write a picture of the images per class to. */
  histogram?: string;
  /** PNG file to write a contact sheet to, and what it shows. */
  sheet?: string;
  rows?: number;
  columns?: number;
  seed?: number;
}

/** `kappa data inspect PATH`: says what a data set or a verification set holds. */
export async function inspectCommand(path: string, options: InspectCommandOptions = {}): Promise<number> {
  const { json, scan, histogram, sheet } = options;
  const run = await runLongTask('Looking at images', ({ onProgress, signal }) =>
    inspectData(path, { scan, onProgress, signal, onMessage: (text) => console.error(text) }),
  );
  if ('exitCode' in run) return run.exitCode;
  const report = run.result;
  if (histogram !== undefined) {
    if (report.kind !== 'dataset')
      throw new KappaError(
        'ERR_USAGE',
        `--histogram shows images per class; ${path} holds pairs, not classes.`,
      );
    await writeHistogram(histogram, report);
  }
  if (sheet !== undefined) {
    await writeSheet(sheet, path, options);
  }
  if (json) printJson({ ...report, ...(histogram && { histogramFile: histogram }), ...(sheet && { sheet }) });
  else process.stdout.write(formatReport(report));
  return 0;
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
          ...bars(report.histogram),
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

const BAR = 40;

/** The histogram of images per class: a bar for each range, as long as its share of the classes. */
function bars(histogram: readonly HistogramBin[]): [string, string][] {
  const most = Math.max(...histogram.map(({ classes }) => classes));
  const digits = number(most).length;
  return histogram.map((bin) => {
    const length = Math.max(1, Math.round((BAR * bin.classes) / most));
    return pair(
      `  ${range(bin)} images`,
      `${number(bin.classes).padStart(digits)} classes  ${'█'.repeat(length)}`,
    );
  });
}
