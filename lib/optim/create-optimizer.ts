import type { Tensor } from '../tensor/tensor';
import type { Optimizer } from './optimizer';
import type { OptimizerSection } from './options';
import { SGD } from './sgd';

const kinds = { sgd: SGD } as const;

/**
 * Makes the optimizer that the section `optimizer` of a config describes. Its rate is that of the reference batch size
 * until a schedule writes another.
 */
export function createOptimizer(
  { kind, referenceBatchSize: _batch, clipNorm: _norm, ...options }: OptimizerSection,
  parameters: Iterable<Tensor>,
): Optimizer {
  return new kinds[kind](parameters, options);
}
