import { fieldAt, isSection, type Section } from '../options/fields';
import { scaledLearningRate } from '../optim/schedule';
import { configSchema, type ResolvedConfig } from './schema';

/**
 * Writes a resolved config as YAML, each option with its doc line as a comment. The text is itself a config that
 * resolves to the same values.
 */
export function formatConfig(config: ResolvedConfig): string {
  return `${sectionLines(config, [], config).join('\n')}\n`;
}

/** What follows from options and stands in none of them, beside the option that it belongs to. */
function derived(path: string, { optimizer, train }: ResolvedConfig): string[] {
  if (path !== 'optimizer.lr') return [];
  const rate = scaledLearningRate(optimizer, train.batchSize * train.accumulate);
  const { lr, referenceBatchSize } = optimizer;
  const product = [lr, train.batchSize, train.accumulate].join(' * ');
  return [`used here: ${Number(rate.toPrecision(12))} = ${product} / ${referenceBatchSize}`];
}

function sectionLines(section: Section, path: readonly string[], config: ResolvedConfig): string[] {
  return Object.entries(section).flatMap(([key, value]) => {
    const here = [...path, key];
    const indent = '  '.repeat(path.length);
    const doc = fieldAt(configSchema(), here, config)?.doc ?? '';
    const comments = [doc, ...derived(here.join('.'), config)]
      .filter((text) => text !== '')
      .map((text) => `${indent}# ${text}`);
    const name = /^[A-Za-z][\w.-]*$/.test(key) ? key : JSON.stringify(key);
    if (isSection(value) && Object.keys(value).length > 0)
      return [...comments, `${indent}${name}:`, ...sectionLines(value, here, config)];
    return [...comments, `${indent}${name}: ${JSON.stringify(value)}`];
  });
}
