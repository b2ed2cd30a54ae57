import { access, readdir } from 'node:fs/promises';
import path from 'node:path';

import { readVerificationSet } from '../data/protocols/verification-set';
import type { VerificationSet } from '../data/protocols/verification-set';
import { KappaError, ioError } from '../errors';
import { evaluateVerification } from '../eval/verification';
import type { VerificationResult } from '../eval/metrics/verification';
import type { Backbone } from '../nn/backbone';
import type { ValidationResult } from '../run/run-state';

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
 * Reads the verification sets of a run at its start, so that a bad one is found before training.
 *
 * @throws KappaError `ERR_DATA_NOT_FOUND` naming all that are missing, `ERR_DATA_CORRUPT`
 */
export async function readValidationSets(
  root: string,
  wanted: 'auto' | readonly string[],
  required: boolean,
  warn: (text: string) => void,
): Promise<VerificationSet[]> {
  const names = wanted === 'auto' ? await namesIn(root) : wanted;
  if (names.length === 0) warn(`${root} has no verification sets (.bin): training without verification.`);
  const files = names.map((name) => path.join(root, `${name}.bin`));
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
    warn(`The ${text}: going on without.`);
  }
  const sets: VerificationSet[] = [];
  for (const [i, file] of files.entries()) if (present[i]) sets.push(await readVerificationSet(file));
  return sets;
}

/** Verifies a backbone on every set. */
export async function validate(
  backbone: Backbone,
  sets: readonly VerificationSet[],
  step: number,
  signal?: AbortSignal,
): Promise<ValidationResult> {
  const verification: Record<string, VerificationResult> = {};
  for (const set of sets) verification[set.name] = await evaluateVerification(backbone, set, { signal });
  const accuracies = Object.values(verification).map((result) => result.accuracy);
  const meanAccuracy = accuracies.reduce((sum, value) => sum + value, 0) / Math.max(1, accuracies.length);
  return { step, meanAccuracy, verification };
}
