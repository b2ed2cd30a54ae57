import { stat } from 'node:fs/promises';
import path from 'node:path';

import { KappaError, messageOf } from '../errors';
import { formatTables } from '../eval/records/markdown';
import { numberTables, partTables } from '../eval/records/number-tables';
import { paperTables } from '../eval/records/paper-tables';
import { benchmarkTitles, nameOfModel, nameOfSet, type NamedRecord } from '../eval/records/text-table';
import { writeFileAtomically } from '../files/atomic-file';
import type { Chart } from './html/chart';
import { evaluationCharts, type ShownRecord } from './html/evaluation-charts';
import { marginCharts } from './html/margin-charts';
import { aboutRecord, figures, pageText, pairList, tableCard, type Section } from './html/page';
import { readRuns, type RunData } from './html/run-data';
import { summarySection } from './html/summary';
import { markup, type Html } from './html/text';
import { trainedRecords } from './html/trained-records';
import { trainingCharts } from './html/training-charts';
import { picturePairs } from './pictures/pair-pictures';

/** What {@link writeReport} shows. */
export interface ReportOptions {
  /** Show the hardest pairs of evaluations as pictures. @default false */
  pictures?: boolean;
  /** Told what was left out. */
  onMessage?: (text: string) => void;
}

const FILE = 'report.html';
/** Pairs of each kind that are shown of an evaluation. */
const MOST_PAIRS = 12;

/**
 * Writes one HTML page about runs: what they are, how training went, margins and concentrations, and their evaluations. It
 * needs no network and no other file.
 *
 * @param folders of runs, or of evaluations that `kappa eval --out` wrote; several are compared
 * @param output the file. @default `report.html` in the folder, where there is one
 * @returns the path of the file
 * @throws KappaError `ERR_ARGUMENT`, `ERR_DATA_NOT_FOUND`, `ERR_DATA_CORRUPT`, `ERR_CHECKPOINT`, `ERR_VERSION`, `ERR_IO`
 */
export async function writeReport(
  folders: readonly string[],
  output?: string,
  options: ReportOptions = {},
): Promise<string> {
  const [first] = folders;
  if (first === undefined) throw new KappaError('ERR_ARGUMENT', 'A report needs the folder of a run.');
  if (output === undefined && folders.length > 1)
    throw new KappaError('ERR_ARGUMENT', 'A report of several runs needs a file to be written to.');
  const given = output ?? path.join(first, FILE);
  const isFolder = await stat(given).then(
    (info) => info.isDirectory(),
    () => false,
  );
  const file = isFolder ? path.join(given, FILE) : given;
  const text = await reportText(folders, options);
  await writeFileAtomically(file, (handle) => handle.writeFile(text));
  return file;
}

/** The page that {@link writeReport} writes. */
export async function reportText(
  folders: readonly string[],
  { pictures = false, onMessage }: ReportOptions = {},
): Promise<string> {
  const runs = await readRuns(folders);
  const charts: Chart[] = [];
  const drawn = (made: readonly Chart[], isSmall = false): Html => {
    charts.push(...made);
    return figures(made, isSmall);
  };
  const [training, margins] = [trainingCharts(runs), marginCharts(runs)];
  const records = shownRecords(runs);
  const curves = evaluationCharts(records);
  const tables = [
    ...paperTables([...trainedRecords(runs), ...records]),
    ...numberTables(records),
    ...records.flatMap(partTables),
  ];
  const pairs = pictures ? await pairSections(records, onMessage) : [];
  const sections: (Section | undefined)[] = [
    { id: 'summary', title: 'Summary', body: summarySection(runs) },
    training.length === 0 ? undefined : { id: 'training', title: 'Training', body: drawn(training) },
    margins.length === 0
      ? undefined
      : {
          ...{ id: 'margins', title: 'Margins', body: drawn(margins) },
          lead: 'How closely the embeddings of each class lie together (kappa), and the angular margin that follows from it and from the number of images.',
        },
    tables.length === 0
      ? undefined
      : {
          ...{ id: 'tables', title: 'Tables' },
          body: markup`${tables.map((table) => tableCard(table))}${aboutRecords(records)}`,
        },
    curves.length === 0
      ? undefined
      : {
          ...{ id: 'curves', title: 'Curves' },
          body: markup`${curves.map(
            ({ title, charts }) => markup`<h3 class="set">${title}</h3>${drawn(charts, true)}`,
          )}`,
        },
    pairs.length === 0 ? undefined : { id: 'pairs', title: 'Hardest pairs', body: markup`${pairs}` },
  ];
  const names = runs.map(({ name }) => name);
  return pageText({
    title: names.length === 1 ? names[0]! : `${names.length} runs compared`,
    subtitle: `Report of ${new Date().toISOString().slice(0, 16).replace('T', ' ')} UTC`,
    runs: names,
    sections: sections.filter((section) => section !== undefined),
    charts,
  });
}

/**
 * The tables of runs' evaluations as Markdown, in the form of the paper.
 *
 * @throws KappaError as {@link writeReport}
 */
export async function reportTables(folders: readonly string[]): Promise<string> {
  const runs = await readRuns(folders);
  const records = shownRecords(runs);
  return formatTables([...trainedRecords(runs), ...records]);
}

/** Evaluations with names that tell them apart: the run's, and the step where there are evaluations of several. */
function shownRecords(runs: readonly RunData[]): ShownRecord[] {
  const order = Object.keys(benchmarkTitles);
  const place = ({ record }: ShownRecord): number => order.indexOf(record.benchmark);
  const all = runs.flatMap(({ name, evaluations }, colour) => {
    const models = new Set(evaluations.map(({ model }) => model));
    return evaluations.map((record) => {
      const model = nameOfModel(record.model);
      const step = /\(step \d+\)$/.exec(model)?.[0];
      const own = step === undefined ? `${name}, ${model}` : `${name} ${step}`;
      return { name: models.size > 1 ? own : name, colour, record };
    });
  });
  return all.sort((a, b) => place(a) - place(b));
}

function aboutRecords(records: readonly NamedRecord[]): Html | undefined {
  if (records.length === 0) return undefined;
  return markup`<div class="card">
    <h3>How the numbers were made</h3>
    ${records.map(({ name, record }) => aboutRecord(`${nameOfSet(record)}, ${name}`, record))}
  </div>`;
}

async function pairSections(
  records: readonly ShownRecord[],
  onMessage?: (text: string) => void,
): Promise<Html[]> {
  const sections: Html[] = [];
  for (const { name, record } of records) {
    try {
      const pairs = await picturePairs(record, MOST_PAIRS);
      if (pairs.length === 0) continue;
      const quantity = record.histograms[0]?.quantity ?? 'score';
      sections.push(
        markup`<div class="card">
          <h3>${nameOfSet(record)}, ${name}</h3>
          ${pairList(pairs, quantity)}
        </div>`,
      );
    } catch (error) {
      if (!(error instanceof KappaError)) throw error;
      onMessage?.(`The pairs of ${nameOfSet(record)} are left out: ${messageOf(error)}`);
    }
  }
  return sections;
}
