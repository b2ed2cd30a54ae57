import { checkOptions, without } from '../options/check';
import { isSection } from '../options/fields';
import { configError, pathText, type OptionProblem } from '../options/problem';
import { crossFieldProblems } from './checks';
import { configSchema, type ResolvedConfig } from './schema';

/**
 * Validates a config as a whole and fills in every default.
 *
 * @param config the config as it was written
 * @param where what to call it in an error, for instance its file
 * @throws KappaError ERR_CONFIG that lists every problem with its path, what was expected and what was received
 */
export function resolveConfig(config: unknown, where = 'given'): ResolvedConfig {
  const checked = checkOptions(configSchema(), config);
  if ('data' in checked) {
    const problems = crossFieldProblems(checked.data);
    if (problems.length > 0) throw configError(where, problems);
    return checked.data;
  }
  const { problems } = checked;
  const healed = without(config, problems);
  if (isSection(healed) && problems.some(({ path }) => path === 'name')) healed.name = 'unnamed';
  const rest: OptionProblem[] = [];
  const again = checkOptions(configSchema(), healed);
  if ('data' in again)
    rest.push(
      ...crossFieldProblems(
        again.data,
        problems.map(({ blamed }) => pathText(blamed)),
      ),
    );
  throw configError(where, [...problems, ...rest]);
}
