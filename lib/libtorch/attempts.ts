import { KappaError, messageOf } from '../errors';
import type { KappaErrorCode } from '../errors';
import type { LibtorchEnv } from './env';
import { SUPPORTED_TEXT } from './versions';

/** A source of LibTorch that was tried, and why it gave none. */
export interface Attempt {
  source: string;
  reason: string;
}

/** The message of an error as a part of a longer one: without its full stop. */
export function reasonOf(error: unknown): string {
  return messageOf(error).trim().replace(/\.$/, '');
}

/** Everything a user can do about a missing LibTorch, one remedy a line. */
export function remedies(env: LibtorchEnv): string[] {
  return [
    `Fetch it: npx kappa libtorch install (needs the network, and python3 with pip or a checksum for the zip).`,
    `Use one that is unpacked already: set LIBTORCH=FOLDER (FOLDER holds lib, include, share/cmake).`,
    `Use that of the installed Python torch: set LIBTORCH_USE_PYTORCH=1 (KAPPA_PYTHON chooses the Python).`,
    `Without a network: copy a torch wheel here and run ` +
      `KAPPA_LIBTORCH_URL=file:///PATH/torch-${env.version}.whl npx kappa libtorch install.`,
    `From a zip: KAPPA_LIBTORCH_URL=ADDRESS KAPPA_LIBTORCH_SHA256=CHECKSUM npx kappa libtorch install.`,
    `See what this machine has and lacks: npx kappa doctor. Supported versions: ${SUPPORTED_TEXT}.`,
  ];
}

/**
 * The error at the end of a vain search: what was wanted, each attempt with its reason, every remedy.
 *
 * @param code `ERR_LIBTORCH_NOT_FOUND`, or `ERR_VERSION` where one was found that does not fit
 */
export function noLibtorchError(
  env: LibtorchEnv,
  attempts: readonly Attempt[],
  code: KappaErrorCode = 'ERR_LIBTORCH_NOT_FOUND',
  cause?: unknown,
): KappaError {
  const lines = [
    `No usable LibTorch (wanted: ${env.version}, ${env.variant}).`,
    'Tried, in this order:',
    ...attempts.map(({ source, reason }, index) => `  ${index + 1}. ${source}: ${reason}.`),
    'Any one of these helps:',
    ...remedies(env).map((remedy) => `  - ${remedy}`),
  ];
  return new KappaError(code, lines.join('\n'), { cause });
}
