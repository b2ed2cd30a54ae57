import { mkdir, readdir, readFile } from 'node:fs/promises';
import path from 'node:path';

import { ioError, KappaError } from '../../errors';
import { writeFileAtomically } from '../../files/atomic-file';
import { formatRecord } from './markdown';
import type { EvaluationRecord } from './record';

const ENDING = '.json';
const FORMAT = 'kappaface-evaluation';

/** The folder of a run's evaluations, below it. */
export const EVALUATIONS_FOLDER = 'evaluations';

/** The name of a record's files, without ending: the set, the rule, the checkpoint. */
export function recordName({ benchmark, set, variant, model }: EvaluationRecord): string {
  const parts = [set, ...(set === benchmark ? [] : [benchmark]), variant, path.parse(model).name];
  return parts
    .filter((part) => part !== undefined && part !== '')
    .map((part) => part!.replace(/[^\w.-]+/g, '-'))
    .join('_');
}

/**
 * Writes an evaluation: `NAME.json`, and `NAME.md` with its tables in the form of the paper. A record of the same name is
 * replaced; each file appears whole or not at all.
 *
 * @returns the path of the JSON file
 * @throws KappaError `ERR_IO`
 */
export async function writeRecord(folder: string, record: EvaluationRecord): Promise<string> {
  await mkdir(folder, { recursive: true }).catch((error: unknown) => {
    throw ioError(error, 'create', folder);
  });
  const file = path.join(folder, recordName(record) + ENDING);
  const write = (name: string, text: string): Promise<void> =>
    writeFileAtomically(name, (handle) => handle.writeFile(text));
  await write(file, `${JSON.stringify(record)}\n`);
  await write(file.slice(0, -ENDING.length) + '.md', formatRecord(record));
  return file;
}

/**
 * Reads an evaluation.
 *
 * @param file its JSON file
 * @throws KappaError `ERR_DATA_NOT_FOUND`, `ERR_DATA_CORRUPT`, `ERR_VERSION`, `ERR_IO`
 */
export async function readRecord(file: string): Promise<EvaluationRecord> {
  const text = await readFile(file, 'utf8').catch((error: unknown) => {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT')
      throw new KappaError('ERR_DATA_NOT_FOUND', `There is no evaluation ${file}.`, { cause: error });
    throw ioError(error, 'read', file);
  });
  let record: Partial<EvaluationRecord>;
  try {
    record = JSON.parse(text) as Partial<EvaluationRecord>;
  } catch (error) {
    throw new KappaError('ERR_DATA_CORRUPT', `${file} is no evaluation: it is not JSON.`, { cause: error });
  }
  if (record?.format !== FORMAT)
    throw new KappaError(
      'ERR_DATA_CORRUPT',
      `${file} is no evaluation: kappa eval writes some into RUN/${EVALUATIONS_FOLDER}, or where --out says.`,
    );
  if (record.version !== 1)
    throw new KappaError(
      'ERR_VERSION',
      `${file} was written by another version (${String(record.version)}, this one reads 1). Evaluate again.`,
    );
  if (!Array.isArray(record.numbers) || !Array.isArray(record.curves) || !Array.isArray(record.histograms))
    throw new KappaError('ERR_DATA_CORRUPT', `${file} is damaged: it has no numbers, curves or histograms.`);
  return record as EvaluationRecord;
}

/** The evaluations of a folder, by name; other JSON files there are passed over. A folder that is not there has none. */
export async function readRecords(folder: string): Promise<EvaluationRecord[]> {
  const names = await readdir(folder).catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') return [];
    throw ioError(error, 'read', folder);
  });
  const records: EvaluationRecord[] = [];
  for (const name of names.filter((name) => name.endsWith(ENDING)).sort()) {
    try {
      records.push(await readRecord(path.join(folder, name)));
    } catch (error) {
      if (!(error instanceof KappaError) || error.code !== 'ERR_DATA_CORRUPT') throw error;
    }
  }
  return records;
}
