import { stat } from 'node:fs/promises';
import path from 'node:path';
import { setImmediate as yieldToEvents } from 'node:timers/promises';
import { KappaError, ioError } from '../errors';
import { readHead, refuseStranger } from '../files/strangers';
import { writeFileAtomically } from '../files/atomic-file';
import { formatBadList, type BadSample } from '../data/lists/skip-list';
import { loadSharp } from '../image/decode';
import { FaceDataset } from '../data/face-dataset';
import { imagesBelow } from '../data/lists/image-files';
import { PassedOver } from '../data/lists/passed-over';
import { readProperty } from '../data/layout/property';
import { readRecordIndex, type RecordIndex } from '../data/recordio/index-file';
import { RecordReader } from '../data/recordio/reader';
import { readVerificationSet } from '../data/protocols/verification-set';
import { chunks } from '../workers/chunks';
import { mapInWorkers } from '../workers/worker-map';
import { decodeWhole } from '../image/convert';
import type { RecordEntry, RecordFinding, RecordRules } from './check-record';
import { runCheckTask, type CheckTask } from './check-task';

/** What {@link checkData} looks at. */
export interface CheckOptions {
  /** File to write the list of bad records to, as training's skip list takes it; written also when there are none. */
  list?: string;
  /** Accept images of other sizes than `property` says. @default false */
  anySize?: boolean;
  /** Worker threads; 0 works in the calling thread. @default one for each core, at most 16 */
  workers?: number;
  signal?: AbortSignal;
  /** Called now and then. */
  onProgress?: (done: number, total: number) => void;
  /** Told what is worth a line, such as what was wrong but could be helped. */
  onMessage?: (text: string) => void;
}

/** What {@link checkData} found. */
export interface CheckReport {
  kind: 'dataset' | 'verification' | 'folder';
  path: string;
  /** Records or images looked at. */
  checked: number;
  /** Those that training should skip, in the order of their keys. */
  bad: BadSample[];
  /** What is wrong with the whole: header, identity records, index. Skipping records does not mend it. */
  problems: string[];
  /** The list that was written. */
  list?: string;
}

const RECORDS_PER_TASK = 64;

/**
 * Checks every record of a dataset folder (structure, header, label, whether the image decodes in full, its size), every
 * image of a verification set, or every image file below a folder.
 *
 * @throws KappaError ERR_DATA_NOT_FOUND, ERR_DATA_CORRUPT (no records can be found at all), ERR_IO, ERR_CANCELLED
 */
export async function checkData(source: string, options: CheckOptions = {}): Promise<CheckReport> {
  const info = await stat(source).catch((error: NodeJS.ErrnoException) => {
    if (error.code !== 'ENOENT') throw ioError(error, 'read', source);
    throw new KappaError('ERR_DATA_NOT_FOUND', `There is nothing at ${source}.`, { cause: error });
  });
  // See loadSharp; where sharp cannot be loaded JPEG images are checked all the same.
  await loadSharp().catch(() => undefined);
  const hasRecords = info.isDirectory() && (await isFile(path.join(source, 'train.rec')));
  const report = hasRecords
    ? await checkDataset(source, options)
    : info.isDirectory()
      ? await checkFolder(source, options)
      : await checkPairs(source, options);
  if (options.list === undefined) return report;
  const heading = [
    `${report.bad.length} of ${report.checked} ${report.kind === 'dataset' ? 'records' : 'images'} of ${source} are bad: ${report.kind === 'folder' ? 'path' : 'key'}, reason`,
    ...report.problems,
  ];
  const text = formatBadList(heading, report.bad);
  await writeFileAtomically(options.list, (file) => file.writeFile(text));
  return { ...report, list: options.list };
}

async function checkDataset(root: string, options: CheckOptions): Promise<CheckReport> {
  const recPath = path.join(root, 'train.rec');
  refuseStranger(await readHead(recPath), recPath, 'a record file (RecordIO)');
  const problems: string[] = [];
  // Makes an index where there is none.
  const whole = await openWhole(root, problems, options.onMessage);
  const index = await readRecordIndex(path.join(root, 'train.idx'));
  const property = await readProperty(path.join(root, 'property'));
  const numClasses = property?.numClasses ?? whole?.numClasses ?? 2 ** 24;
  const firstIdentity = findFirstIdentity(recPath, index, numClasses, problems);
  const rules: RecordRules = {
    recPath,
    imageSize: property?.imageSize ?? whole?.imageSize ?? [112, 112],
    numClasses,
    anySize: options.anySize ?? false,
  };
  const entries = function* (): Generator<RecordEntry> {
    let image = 0; // both lists of keys ascend
    for (let i = firstIdentity === undefined ? 0 : 1; i < index.keys.length; i++) {
      const key = index.keys[i]!;
      const isIdentity = firstIdentity !== undefined && key >= firstIdentity;
      const label = whole?.keys[image] === key ? whole.labels[image++] : undefined;
      yield { key, offset: index.offsets[i]!, label, isIdentity };
    }
  };
  const bad: BadSample[] = [];
  const badIdentities: string[] = [];
  const ends = new Float64Array(index.keys.length).fill(NaN);
  let at = firstIdentity === undefined ? 0 : 1;
  const tasks = chunks(entries(), RECORDS_PER_TASK, (chunk): CheckTask => ({ rules, entries: chunk }));
  for await (const { end, reason } of findings(tasks, options)) {
    const key = index.keys[at]!;
    ends[at++] = end;
    if (reason !== undefined) {
      if (firstIdentity !== undefined && key >= firstIdentity)
        badIdentities.push(`the first is ${key}: ${reason}`);
      else bad.push({ key: String(key), reason });
    }
    if (at % 256 === 0 || at === index.keys.length) options.onProgress?.(at, index.keys.length);
  }
  if (badIdentities.length > 0)
    problems.push(`${recPath}: ${badIdentities.length} identity records are bad; ${badIdentities[0]}`);
  if (bad.length === 0 && problems.length === 0)
    problems.push(...findGaps(recPath, index, ends, firstIdentity));
  return { kind: 'dataset', path: root, checked: index.keys.length, bad, problems };
}

/** The labels that the dataset as a whole gives its images; where it cannot be opened that is a problem of its own. */
async function openWhole(root: string, problems: string[], onMessage?: (text: string) => void) {
  try {
    const dataset = await FaceDataset.open(root, { allowEmptyClasses: true, cache: false, onMessage });
    const { keys, labels, numClasses, imageSize } = dataset.table;
    dataset.close();
    return { keys, labels, numClasses, imageSize };
  } catch (error) {
    if (!(error instanceof KappaError) || error.code === 'ERR_IO') throw error;
    problems.push(error.message);
    return undefined;
  }
}

/** Key of the first identity record, or undefined where record 0 is no header (im2rec layout). */
function findFirstIdentity(
  recPath: string,
  index: RecordIndex,
  numClasses: number,
  problems: string[],
): number | undefined {
  if (index.keys[0] !== 0) return undefined;
  const records = RecordReader.open(recPath);
  try {
    const { flag, labels, imageBytes } = records.readHead(index.offsets[0]!);
    if (imageBytes > 0 || flag < 2) return undefined;
    // float32 holds the key exactly up to 2^24; beyond, identity records are the last ones.
    return labels[0]! < 2 ** 24 ? labels[0] : index.keys.length - numClasses;
  } catch (error) {
    if (!(error instanceof KappaError) || error.code === 'ERR_IO') throw error;
    problems.push(error.message);
    return undefined;
  } finally {
    records.close();
  }
}

/** Bytes of the file that no record of the index covers, and records that overlap. */
function findGaps(
  recPath: string,
  index: RecordIndex,
  ends: Float64Array,
  firstIdentity: number | undefined,
): string[] {
  const records = RecordReader.open(recPath);
  try {
    if (firstIdentity !== undefined) ends[0] = records.endOf(index.offsets[0]!);
    const order = Uint32Array.from(ends, (_, i) => i).sort((a, b) => index.offsets[a]! - index.offsets[b]!);
    let [covered, uncovered, firstGap] = [0, 0, -1];
    for (const i of order) {
      const offset = index.offsets[i]!;
      if (offset < covered)
        return [`${recPath}: record ${index.keys[i]} at byte ${offset} lies within the record before it.`];
      if (offset > covered && firstGap === -1) firstGap = covered;
      uncovered += offset - covered;
      covered = ends[i]!;
    }
    if (records.size > covered && firstGap === -1) firstGap = covered;
    uncovered += records.size - covered;
    if (uncovered === 0) return [];
    return [
      `${recPath}: ${uncovered} bytes, the first of them byte ${firstGap}, belong to no record of train.idx, which is incomplete or belongs to another train.rec.`,
    ];
  } finally {
    records.close();
  }
}

async function checkFolder(root: string, options: CheckOptions): Promise<CheckReport> {
  const passed = new PassedOver();
  const files = await imagesBelow(root, '', passed);
  const lines = passed.lines(root);
  if (files.length === 0)
    throw new KappaError(
      'ERR_DATA_NOT_FOUND',
      [
        `${root} is neither a dataset (it has no train.rec) nor a folder with images that are read.`,
        ...lines,
      ].join('\n'),
    );
  lines.forEach((line) => options.onMessage?.(line));
  const bad: BadSample[] = [];
  let at = 0;
  const tasks = chunks(files, RECORDS_PER_TASK, (chunk): CheckTask => ({ root, files: chunk }));
  for await (const { reason } of findings(tasks, options)) {
    const key = files[at++]!;
    if (reason !== undefined) bad.push({ key, reason });
    if (at % 256 === 0 || at === files.length) options.onProgress?.(at, files.length);
  }
  return { kind: 'folder', path: root, checked: files.length, bad, problems: [] };
}

async function checkPairs(file: string, { signal, onProgress }: CheckOptions): Promise<CheckReport> {
  const { images } = await readVerificationSet(file);
  const bad: BadSample[] = [];
  for (const [i, image] of images.entries()) {
    if (signal?.aborted) throw new KappaError('ERR_CANCELLED', `Checking ${file} was interrupted.`);
    try {
      await decodeWhole(image, `image ${i}`);
    } catch (error) {
      if (!(error instanceof KappaError)) throw error;
      bad.push({ key: String(i), reason: error.message.replace(`image ${i}: `, '') });
    }
    if ((i + 1) % 64 === 0 || i + 1 === images.length) {
      onProgress?.(i + 1, images.length);
      await yieldToEvents();
    }
  }
  return { kind: 'verification', path: file, checked: images.length, bad, problems: [] };
}

async function* findings(tasks: Iterable<CheckTask>, options: CheckOptions): AsyncGenerator<RecordFinding> {
  const { workers, signal } = options;
  const file = path.join(__dirname, 'check-worker');
  const replies = mapInWorkers<CheckTask, RecordFinding[]>(file, tasks, {
    workers,
    signal,
    what: 'check images',
    inThread: runCheckTask,
  });
  for await (const reply of replies) yield* reply;
}

async function isFile(file: string): Promise<boolean> {
  return stat(file).then(
    (info) => info.isFile(),
    () => false,
  );
}
