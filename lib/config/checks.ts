import type { OptionProblem } from '../options/problem';
import type { ResolvedConfig } from './schema';

/** What must hold between options; each check names every option that it looks at. */
const checks: readonly {
  readonly paths: readonly [string, ...string[]];
  readonly check: (config: ResolvedConfig) => string | undefined;
}[] = [
  {
    paths: ['data', 'data.root', 'data.synthetic', 'data.sources'],
    check: ({ data }) =>
      data.root === null && data.synthetic === null && data.sources.length === 0
        ? 'expected data.root (the folder of a data set) or data.synthetic (the embedded face set), but both are null'
        : undefined,
  },
  {
    paths: ['data.sources', 'data.root'],
    check: ({ data: { sources, root } }) => {
      const placeless = sources.findIndex((source) => source.root === undefined && source.list === undefined);
      if (placeless >= 0) return `expected root or list in each source, but number ${placeless} has neither`;
      return sources.length > 0 && root !== null
        ? `expected either data.root or data.sources, but both are given: make ${JSON.stringify(root)} one of the sources`
        : undefined;
    },
  },
  {
    paths: ['data.skipList', 'data.root', 'data.sources'],
    check: ({ data: { skipList, root } }) =>
      skipList !== null && root === null
        ? 'expected data.root beside it; a source has a skipList of its own'
        : undefined,
  },
  {
    paths: ['data.validation'],
    check: ({ data: { validation } }) => {
      if (validation === 'auto') return undefined;
      const twice = validation.find((name, i) => validation.indexOf(name) !== i);
      if (twice !== undefined) return `${JSON.stringify(twice)} stands there twice`;
      const withExtension = validation.find((name) => name.endsWith('.bin'));
      return withExtension === undefined
        ? undefined
        : `expected names without the extension, but received ${JSON.stringify(withExtension)}`;
    },
  },
  {
    paths: ['head.blendEpochs', 'train.epochs'],
    check: ({ head, train }) =>
      head.kind === 'kappaface' && head.blendEpochs > train.epochs
        ? `expected at most train.epochs (${train.epochs}), but received ${head.blendEpochs}`
        : undefined,
  },
  {
    paths: ['schedule.warmupEpochs', 'train.epochs', 'schedule'],
    check: ({ schedule, train }) =>
      schedule.warmupEpochs >= train.epochs
        ? `expected fewer than train.epochs (${train.epochs}), but received ${schedule.warmupEpochs}`
        : undefined,
  },
  {
    paths: ['schedule.milestones', 'train.epochs', 'schedule', 'schedule.warmupEpochs'],
    check: ({ schedule, train }) => {
      if (schedule.kind !== 'step') return undefined;
      const { milestones, warmupEpochs } = schedule;
      const list = `[${milestones.join(', ')}]`;
      if (milestones.some((epoch, i) => i > 0 && epoch <= (milestones[i - 1] ?? 0)))
        return `expected epochs in ascending order, but received ${list}`;
      if (milestones.some((epoch) => epoch >= train.epochs))
        return `expected epochs below train.epochs (${train.epochs}), but received ${list}`;
      return milestones.some((epoch) => epoch < warmupEpochs)
        ? `expected epochs after the warm-up of ${warmupEpochs} epochs, but received ${list}`
        : undefined;
    },
  },
];

/**
 * Finds options that contradict each other.
 *
 * @param config a config whose options are valid one by one
 * @param invalid paths that were replaced by defaults because their own values were wrong: checks that look at
 *   them, or at something in or around them, are left out
 */
export function crossFieldProblems(config: ResolvedConfig, invalid: readonly string[] = []): OptionProblem[] {
  const touches = (path: string): boolean =>
    invalid.some((bad) => bad === path || bad.startsWith(`${path}[`) || path.startsWith(`${bad}.`));
  return checks.flatMap(({ paths, check }) => {
    if (paths.some(touches)) return [];
    const message = check(config);
    return message === undefined ? [] : [{ path: paths[0], message: `${message}.` }];
  });
}
