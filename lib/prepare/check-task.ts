import path from 'node:path';
import { KappaError } from '../errors';
import { decodeWhole } from '../image/convert';
import { readImageFile } from '../image/read-file';
import { RecordChecker, type RecordEntry, type RecordFinding, type RecordRules } from './check-record';

/** Records of a file, or image files below a folder. */
export type CheckTask = { rules: RecordRules; entries: RecordEntry[] } | { root: string; files: string[] };

/** Checks the records or files of a task. */
export async function runCheckTask(task: CheckTask): Promise<RecordFinding[]> {
  const findings: RecordFinding[] = [];
  if ('files' in task) {
    for (const file of task.files) findings.push(await checkFile(task.root, file));
    return findings;
  }
  const checker = new RecordChecker(task.rules);
  try {
    for (const entry of task.entries) findings.push(await checker.check(entry));
  } finally {
    checker.close();
  }
  return findings;
}

async function checkFile(root: string, file: string): Promise<RecordFinding> {
  const full = path.join(root, file);
  try {
    await decodeWhole(readImageFile(full), file);
    return { end: NaN };
  } catch (error) {
    if (!(error instanceof KappaError)) throw error;
    return { end: NaN, reason: error.message.replace(`${file}: `, '').replace(`${full}: `, '') };
  }
}
