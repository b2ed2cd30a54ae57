import type { Command } from 'commander';

import type { EvaluationRecord } from '../../eval/records/record';
import type { NumberDifference } from '../../eval/uncertainty/difference';
import { KappaError } from '../../errors';
import { exitCodes } from '../exit-codes';
import { JSON_DOC, type Action } from '../flags';
import { printJson, printText, say } from '../output';

interface EvalDiffOptions {
  json?: boolean;
}

/** Adds `kappa eval diff`. */
export function addDiff(evaluate: Command, action: Action): void {
  evaluate
    .command('diff')
    .description(
      'the difference of two models on the same benchmark, its 95% interval (both drawn alike), and whether the second is better, worse, or it is undecided',
    )
    .argument('<first>', 'an evaluation (.json), or a run or folder with several')
    .argument('<second>', 'another one')
    .option('--json', JSON_DOC)
    .action(action(evalDiffCommand));
}

/** `kappa eval diff`: compares evaluations of two models. */
async function evalDiffCommand(first: string, second: string, options: EvalDiffOptions): Promise<number> {
  const { compareRecords } = await import('../../eval/uncertainty/difference');
  const pairs = match(await recordsOf(first), await recordsOf(second), [first, second]);
  const compared = pairs.map(([a, b]) => ({
    set: a.set,
    ...(a.variant !== undefined && { variant: a.variant }),
    benchmark: a.benchmark,
    protocol: a.protocol,
    models: [a.model, b.model],
    differences: compareRecords(a, b),
  }));
  if (options.json) printJson({ comparisons: compared });
  else {
    const { formatTable } = await import('../../report/console/table');
    for (const { set, variant, models, differences } of compared) {
      printText(`${[set, variant].filter(Boolean).join(' ')}: ${models[1]} against ${models[0]}`);
      printText(
        formatTable(['', 'first', 'second', 'difference', '95% interval', 'second is'], differences.map(row)),
      );
    }
    say(
      'Differences of shares are in points of a percent. People were drawn anew in both evaluations alike.',
    );
  }
  return exitCodes.ok;
}

function row({ label, isShare, values, difference, interval, verdict }: NumberDifference): string[] {
  const text = (value: number): string => (isShare ? (100 * value).toFixed(2) : value.toPrecision(4));
  const signed = (value: number): string => (value > 0 ? '+' : '') + text(value);
  return [
    isShare ? `${label} %` : label,
    ...values.map(text),
    signed(difference),
    interval ? `${signed(interval.low)} to ${signed(interval.high)}` : '-',
    verdict ?? '-',
  ];
}

async function recordsOf(target: string): Promise<EvaluationRecord[]> {
  const { stat } = await import('node:fs/promises');
  const path = await import('node:path');
  const { EVALUATIONS_FOLDER, readRecord, readRecords } = await import('../../eval/records/files');
  const info = await stat(target).catch(() => undefined);
  if (!info) throw new KappaError('ERR_DATA_NOT_FOUND', `There is no evaluation ${target}.`);
  if (!info.isDirectory()) return [await readRecord(target)];
  const records = [
    ...(await readRecords(target)),
    ...(await readRecords(path.join(target, EVALUATIONS_FOLDER))),
  ];
  if (records.length === 0)
    throw new KappaError(
      'ERR_DATA_NOT_FOUND',
      `${target} has no evaluations: kappa eval writes some into RUN/${EVALUATIONS_FOLDER}, or where --out says.`,
    );
  return records;
}

/** The evaluations that both have; of several of one model's checkpoints the newest. */
function match(
  first: readonly EvaluationRecord[],
  second: readonly EvaluationRecord[],
  names: readonly [string, string],
): [EvaluationRecord, EvaluationRecord][] {
  if (first.length === 1 && second.length === 1) return [[first[0]!, second[0]!]];
  const keyOf = ({ benchmark, set, variant }: EvaluationRecord): string =>
    [benchmark, set, variant].join(' ');
  const newest = (records: readonly EvaluationRecord[]): Map<string, EvaluationRecord> => {
    const found = new Map<string, EvaluationRecord>();
    for (const record of records) {
      const other = found.get(keyOf(record));
      if (!other || other.made < record.made) found.set(keyOf(record), record);
    }
    return found;
  };
  const others = newest(second);
  const pairs = [...newest(first)].flatMap(([key, record]): [EvaluationRecord, EvaluationRecord][] => {
    const other = others.get(key);
    return other ? [[record, other]] : [];
  });
  if (pairs.length === 0)
    throw new KappaError(
      'ERR_ARGUMENT',
      `${names[0]} and ${names[1]} have no evaluation of the same benchmark and rule.`,
    );
  return pairs;
}
