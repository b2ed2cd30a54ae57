import { spinning } from '../../env';
import { runChildSync } from '../process';
import { mainLibrary } from './plan';
import type { AddonChoice } from './plan';

/**
 * A program's text that leaves the addon in `addon`, with LibTorch opened before it. It is handed the paths of
 * {@link loadArguments}, before its own arguments, and runs without the library: a broken addon may crash.
 */
export const LOAD_PROGRAM = `
const [pixels, library, file, ...args] = process.argv.slice(1);
require(pixels).openLibrary?.(library);
const addon = require(file);
`;

/** What {@link LOAD_PROGRAM} is handed. */
export function loadArguments({ pixels, libtorch, addon }: Omit<AddonChoice, 'name' | 'kind'>): string[] {
  return [pixels, mainLibrary(libtorch), addon];
}

const TIMEOUT_MS = 60_000;

/**
 * Loads an addon in another process, where a crash does no harm.
 *
 * @returns why it does not load; undefined where it does
 */
export function failureOf(choice: Omit<AddonChoice, 'name' | 'kind'>): string | undefined {
  const program = `${LOAD_PROGRAM} addon.initialize(Error, false, 1, false);`;
  const { code, stderr } = runChildSync(process.execPath, ['-e', program, ...loadArguments(choice)], {
    timeoutMs: TIMEOUT_MS,
    env: { ...process.env, ...spinning().variables },
  });
  if (code === 0) return undefined;
  const said = /^\w*Error: (.*)$/m.exec(stderr)?.[1] ?? stderr.trim().split('\n').pop()?.trim();
  return said || `it ends the process that loads it (${code === null ? 'by a signal' : `exit code ${code}`})`;
}
