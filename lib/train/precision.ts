import type { ResolvedConfig } from '../config/schema';
import { choosePrecision } from '../runtime/precision';

/**
 * The config with the precisions that were left to the machine decided.
 *
 * @param saved the config of the run that goes on: its precisions stay
 * @throws KappaError `ERR_DEVICE`
 */
export function decidePrecision(config: ResolvedConfig, saved?: ResolvedConfig): ResolvedConfig {
  const decided = (part: 'backbone' | 'head') => {
    const asked = config[part].precision;
    const before = saved?.[part].precision;
    return asked === 'auto' && before !== undefined ? before : asked;
  };
  const { device } = config.runtime;
  return {
    ...config,
    backbone: { ...config.backbone, precision: choosePrecision(decided('backbone'), device) },
    head: { ...config.head, precision: choosePrecision(decided('head'), device) },
  };
}

/** Says what was decided, and warns of what is emulated. */
export function sayPrecision(
  given: ResolvedConfig,
  config: ResolvedConfig,
  say: (text: string) => void,
): void {
  const { device } = config.runtime;
  const machine = device === 'cpu' ? 'this processor' : device;
  const fast = choosePrecision('auto', device);
  const decided = (['backbone', 'head'] as const).filter((part) => given[part].precision === 'auto');
  if (decided.length > 0) {
    const precisions = decided.map((part) => `${part} ${config[part].precision}`);
    const why = decided.some((part) => config[part].precision !== fast)
      ? 'as the run began'
      : fast === 'bfloat16'
        ? `${machine} computes bfloat16 fast`
        : `${machine} has no units for bfloat16, and would emulate it`;
    say(`Precision: ${precisions.join(', ')} (${why}).`);
  }
  if (device === 'cpu' && config.backbone.precision !== 'float32' && fast === 'float32')
    say(
      `The backbone computes in ${config.backbone.precision}, which ${machine} emulates: float32 is several times faster here (backbone.precision).`,
    );
}
