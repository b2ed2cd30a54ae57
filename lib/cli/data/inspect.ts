import type { Command } from 'commander';
import type { DataReport, HistogramBin } from '../../prepare/inspect';
import { KappaError } from '../../errors';
import { exitCodes } from '../exit-codes';
import { JSON_DOC, seedNumber, wholeNumber, type Action } from '../flags';
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

/** Adds `kappa data inspect`. */
export function addInspect(data: Command, action: Action): void {
  data
    .command('inspect')
    .description(
      'say what a face dataset (train.rec, .lst, folder of images) or a verification set (.bin) holds',
    )
    .argument('<path>', 'folder, .rec or .lst of a data set, or .bin file')
    .option('--scan', 'decode every image and list those that are damaged')
    .option('--histogram <file>', 'draw the images per class into a .png or .svg')
    .option('--sheet <file>', 'draw some images, with their labels, into a .png')
    .option('--rows <number>', 'rows of the sheet (default: 8)', wholeNumber)
    .option('--columns <number>', 'images in a row of the sheet (default: 10)', wholeNumber)
    .option('--seed <number>', 'seed of what the sheet shows (default: 1)', seedNumber)
    .option('--json', JSON_DOC)
    .action(action(inspectCommand));
}

/** `kappa data inspect PATH`: says what a data set or a verification set holds. */
export async function inspectCommand(path: string, options: InspectCommandOptions = {}): Promise<number> {
  const { json, scan, histogram, sheet } = options;
  const { inspectData } = await import('../../prepare/inspect');
  const run = await runLongTask('Looking at images', (hooks) => inspectData(path, { scan, ...hooks }));
  if ('exitCode' in run) return run.exitCode;
  const report = run.result;
  if (histogram !== undefined) {
    if (report.kind !== 'dataset')
      throw new KappaError(
        'ERR_USAGE',
        `--histogram shows images per class; ${path} holds pairs, not classes.`,
      );
    const { writeHistogram } = await import('../../report/pictures/histogram');
    await writeHistogram(histogram, report);
  }
  if (sheet !== undefined) {
    const { writeSheet } = await import('../../report/pictures/contact-sheet');
    await writeSheet(sheet, path, options);
  }
  if (json) printJson({ ...report, ...(histogram && { histogramFile: histogram }), ...(sheet && { sheet }) });
  else process.stdout.write(formatReport(report));
  return exitCodes.ok;
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
          ['image size', `${report.imageSize[1]} x ${report.imageSize[0]} (width x height)`],
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
