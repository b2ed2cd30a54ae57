import type { Command } from 'commander';

import type { InputDoctorResult } from '../../eval/doctor/doctor';
import { exitCodes } from '../exit-codes';
import { JSON_DOC, seedNumber, wholeNumber, type Action } from '../flags';
import { runLongTask } from '../long-task';
import { count, printJson, printText } from '../output';
import { addModelFlags, useThreads, withModel, type ModelFlags } from './model';

/** Options of `kappa eval doctor`. */
export interface EvalDoctorOptions extends ModelFlags {
  pairs: number;
  seed: number;
  json?: boolean;
}

const DEFAULT_PAIRS = 600;

/** Adds `kappa eval doctor`. */
export function addInputDoctor(evaluate: Command, action: Action): void {
  const command = evaluate
    .command('doctor')
    .description(
      'find out whether the images of a set are prepared as the network expects: tries exchanged channels, other ranges of values, shifts, other crops, and says what raises the result',
    )
    .argument('<checkpoint>', "a checkpoint's folder, or a run")
    .argument('<set>', 'verification set (.bin)')
    .option('--pairs <number>', 'pairs that are looked at, half of each kind', wholeNumber, DEFAULT_PAIRS)
    .option('--seed <number>', 'which ones', seedNumber, 0);
  addModelFlags(command).option('--json', JSON_DOC).action(action(evalDoctorCommand));
}

/** `kappa eval doctor`: says what raises the result on a set. */
async function evalDoctorCommand(target: string, file: string, options: EvalDoctorOptions): Promise<number> {
  const run = await runLongTask('Trying', async (hooks) => {
    const { readVerificationSet } = await import('../../data/protocols/verification-set');
    const { examineInput } = await import('../../eval/doctor/doctor');
    const set = await readVerificationSet(file);
    await useThreads(options);
    return withModel(target, options, async (backbone, model) => {
      const { pairs, seed, batchSize } = options;
      return {
        model,
        data: file,
        ...(await examineInput(backbone, set, { pairs, seed, batchSize, ...hooks })),
      };
    });
  });
  if ('exitCode' in run) return run.exitCode;
  if (options.json) printJson(run.result);
  else printText(`${run.result.model}\n${await formatDoctor(run.result)}`);
  return exitCodes.ok;
}

async function formatDoctor({
  variants,
  raising,
  colours,
  pairs,
  genuine,
  seed,
}: InputDoctorResult): Promise<string> {
  const { formatTable } = await import('../../report/console/table');
  const percent = (share: number): string => (100 * share).toFixed(2);
  const table = formatTable(
    ['images', 'AUC %', 'best accuracy %', 'z', ''],
    variants.map(({ label, auc, accuracy, z, verdict }) => [
      label,
      percent(auc),
      percent(accuracy),
      z.toFixed(1),
      verdict === 'as-is' ? '' : verdict,
    ]),
  );
  const found =
    raising.length === 0
      ? `Nothing raises the result beyond chance: as far as ${count(pairs)} pairs can tell, the images are prepared as the network expects.`
      : raising.map(({ label, hint }) => `Better ${label}: ${hint}.`).join('\n');
  const { red, green, blue, redder, seemExchanged } = colours;
  const means = `mean of the first channel ${red.toFixed(0)}, of the second ${green.toFixed(0)}, of the third ${blue.toFixed(0)}`;
  const colour =
    redder === undefined
      ? `colours: none, the images are grey`
      : `colours: ${means}; ${(100 * redder).toFixed(0)} % of the images have more of the first than of the third, as skin has of red${seemExchanged ? '. So red and blue seem exchanged in this set (BGR instead of RGB), whatever the network makes of it' : ''}`;
  return `${table}${colour}\n${count(pairs)} pairs, ${count(genuine)} of them of one person (seed ${seed}); z: difference of the AUC in its standard errors\n${found}`;
}
