import { access, readdir } from 'node:fs/promises';
import path from 'node:path';

import type { ResolvedConfig } from '../config/schema';
import { readVerificationSet } from '../data/protocols/verification-set';
import type { VerificationSet } from '../data/protocols/verification-set';
import type { RankGroup } from '../distributed/rank-group';
import { KappaError, ioError } from '../errors';
import { problemsOfSet } from '../eval/check-set';
import { evaluateVerification, sizeNote } from '../eval/verification';
import type { VerificationResult } from '../eval/metrics/verification';
import type { Backbone } from '../nn/backbone';
import type { ValidationResult } from '../run/run-state';

const REMEDY =
  'Mend it, name other sets with --set data.validation=\'["lfw"]\' ([] for none), or go on without it with --set data.validationRequired=false.';

async function namesIn(root: string): Promise<string[]> {
  const files = await readdir(root).catch((error: unknown) => {
    throw ioError(error, 'read the folder', root);
  });
  return files
    .filter((file) => file.endsWith('.bin'))
    .map((file) => file.slice(0, -'.bin'.length))
    .sort();
}

/**
 * Reads the verification sets of a run at its start and checks all that a verification needs of them, so that a bad
 * one is found before training: pairs for each fold, pairs of both kinds, images that decode.
 *
 * @param root the folder of the sets
 * @param say told of sets that are left out, where that is allowed, and of images of another size
 * @throws KappaError `ERR_DATA_NOT_FOUND` naming all that are missing, `ERR_DATA_CORRUPT` naming all that are unfit and
 *   why, `ERR_IO`
 */
export async function readValidationSets(
  root: string,
  { validation, validationRequired: required, imageSize }: ResolvedConfig['data'],
  say: (text: string) => void,
  signal?: AbortSignal,
): Promise<VerificationSet[]> {
  const names = validation === 'auto' ? await namesIn(root) : validation;
  if (names.length === 0) say(`${root} has no verification sets (.bin): training without verification.`);
  const files = names.map((name) => path.join(root, `${name}.bin`));
  const present = await presentOf(files, required, say);
  const sets: VerificationSet[] = [];
  const unfit: string[] = [];
  for (const file of present) {
    const found = await readFitSet(file, imageSize, signal);
    if ('set' in found) {
      sets.push(found.set);
      const note = await sizeNote(found.set, imageSize);
      if (note !== undefined) say(note);
    } else unfit.push(found.unfit);
  }
  if (unfit.length > 0 && required) throw new KappaError('ERR_DATA_CORRUPT', [...unfit, REMEDY].join('\n'));
  for (const text of unfit) say(`${text} Going on without it.`);
  return sets;
}

async function presentOf(
  files: readonly string[],
  required: boolean,
  say: (text: string) => void,
): Promise<string[]> {
  const present = await Promise.all(
    files.map((file) =>
      access(file).then(
        () => true,
        () => false,
      ),
    ),
  );
  const missing = files.filter((_, i) => !present[i]);
  if (missing.length > 0) {
    const text = `verification set${missing.length > 1 ? 's' : ''} ${missing.join(', ')} not found`;
    if (required) {
      throw new KappaError(
        'ERR_DATA_NOT_FOUND',
        `The ${text}. Put the .bin files of insightface beside the training set, say where they are with --set data.validationRoot=FOLDER, name others with --set data.validation='["lfw"]', or go on without them with --set data.validationRequired=false.`,
      );
    }
    say(`The ${text}: going on without.`);
  }
  return files.filter((_, i) => present[i]);
}

async function readFitSet(
  file: string,
  imageSize: number,
  signal?: AbortSignal,
): Promise<{ set: VerificationSet } | { unfit: string }> {
  try {
    const set = await readVerificationSet(file);
    const problems = await problemsOfSet(set, { imageSize, signal });
    if (problems.length === 0) return { set };
    return { unfit: `The verification set ${file} cannot be used: ${problems.join('; ')}.` };
  } catch (error) {
    if (!(error instanceof KappaError) || error.code !== 'ERR_DATA_CORRUPT') throw error;
    return { unfit: error.message };
  }
}

/**
 * Verifies a backbone on every set.
 *
 * @param group the ranks that share the work, all with the same backbone and sets: every rank has the result
 */
export async function validate(
  backbone: Backbone,
  sets: readonly VerificationSet[],
  step: number,
  signal?: AbortSignal,
  group?: RankGroup,
): Promise<ValidationResult> {
  const verification: Record<string, VerificationResult> = {};
  for (const set of sets)
    verification[set.name] = await evaluateVerification(backbone, set, { signal, group });
  const accuracies = Object.values(verification).map((result) => result.accuracy);
  const meanAccuracy = accuracies.reduce((sum, value) => sum + value, 0) / Math.max(1, accuracies.length);
  return { step, meanAccuracy, verification };
}
