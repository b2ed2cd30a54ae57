import { KappaError, isError } from '../errors';
import type { Attempt } from '../libtorch/attempts';
import { addonRemedies, mainLibrary, pixelsPlaces, planAddon } from '../libtorch/addon/plan';
import type { AddonChoice, AddonPlan } from '../libtorch/addon/plan';
import { failureOf } from '../libtorch/addon/try-addon';
import { libtorchName } from '../libtorch/addon/fit';
import { readEnv } from '../libtorch/env';

/** The LibTorch that this process has opened: there is no second one beside it. */
let opened: string | undefined;

/**
 * Loads the addon on LibTorch: opens LibTorch by its path, so that the addon finds it wherever it lies, then the addon. One
 * that may not go with this LibTorch is tried in another process first.
 *
 * @param initialize what has to be done before it is of use; where that fails, the next one is tried
 * @throws KappaError `ERR_ADDON`, or `ERR_LIBTORCH_NOT_FOUND` where it lacks that alone, with all that was tried and the
 *   commands that help
 */
export function requireAddon(initialize: (addon: unknown) => void): unknown {
  const plan = planAddon();
  for (const choice of plan.choices) {
    try {
      const addon = loadChoice(choice);
      initialize(addon);
      return addon;
    } catch (error) {
      plan.attempts.push({ source: choice.name, reason: firstLine(error) });
    }
  }
  throw addonError(plan);
}

/**
 * Loads the small addon for pixels.
 *
 * @throws KappaError `ERR_ADDON` with every place that was tried and the commands that help
 */
export function requirePixels(): unknown {
  const attempts: Attempt[] = [];
  for (const candidate of pixelsPlaces()) {
    try {
      return load(candidate);
    } catch (error) {
      attempts.push({ source: candidate, reason: firstLine(error) });
    }
  }
  const plan = planAddon();
  const lines = [
    'The native addon for pixels could not be loaded.',
    ...listOf(attempts),
    ...remediesOf(plan),
  ];
  throw new KappaError('ERR_ADDON', lines.join('\n'));
}

function loadChoice(choice: AddonChoice): unknown {
  const library = mainLibrary(choice.libtorch);
  if (opened !== undefined && opened !== library)
    throw new Error(`${opened} is loaded already, and this needs ${library}`);
  if (choice.doubt !== undefined) {
    const failure = failureOf(choice);
    if (failure !== undefined) throw new Error(`${choice.doubt}; tried in another process: ${failure}`);
  }
  const pixels = load(choice.pixels) as { openLibrary?: (path: string) => void };
  pixels.openLibrary?.(library);
  opened = library;
  return load(choice.addon);
}

function load(file: string): unknown {
  // The addon is no module that TypeScript could know.
  // eslint-disable-next-line @typescript-eslint/no-require-imports
  return require(file) as unknown;
}

function firstLine(error: unknown): string {
  return (isError(error) ? error.message : String(error)).split('\n')[0]?.replace(/\.$/, '') ?? '';
}

/** The error where no addon could be loaded: which LibTorch there is, what was tried, what helps. */
export function addonError(plan: AddonPlan): KappaError {
  const found = plan.search?.found ?? plan.choices[0]?.libtorch;
  const lines = ['The native addon of kappaface could not be loaded.'];
  if (found !== undefined) lines.push(`LibTorch: ${libtorchName(found)} in ${found.root}.`);
  else {
    const { version, variant } = readEnv();
    lines.push(`LibTorch: none was found (wanted: ${libtorchName({ version, variant })}). Looked in:`);
    lines.push(...(plan.search?.attempts ?? []).map(asLine));
  }
  lines.push(...listOf(plan.attempts), ...remediesOf(plan));
  const code =
    found === undefined && plan.missingPackage === undefined ? 'ERR_LIBTORCH_NOT_FOUND' : 'ERR_ADDON';
  return new KappaError(code, lines.join('\n'));
}

function asLine({ source, reason }: Attempt, index: number): string {
  return `  ${index + 1}. ${source}: ${reason}.`;
}

function listOf(attempts: readonly Attempt[]): string[] {
  return attempts.length === 0 ? [] : ['Addons that were tried:', ...attempts.map(asLine)];
}

function remediesOf(plan: AddonPlan): string[] {
  const remedies = addonRemedies(plan).map(([command, effect]) => `  ${command}\n      ${effect}`);
  return ['What to do:', ...remedies];
}
