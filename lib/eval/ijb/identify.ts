import { setImmediate as yieldToEvents } from 'node:timers/promises';

import type { IjbName, IjbSet } from '../../data/protocols/ijb';
import type { IjbIdentification } from '../../data/protocols/ijb-identification';
import { KappaError } from '../../errors';
import { scope } from '../../tensor/scope';
import { Tensor } from '../../tensor/tensor';
import { poolIjb, type IjbFeatures } from './verify';
import { ijbVariant, type IjbRule } from '../metrics/ijb-rules';
import {
  Identification,
  type CorrectedIdentification,
  type IdentifiedProbes,
  type LegacyIdentification,
} from '../metrics/identification';

const BLOCK = 512;

/** Result of IJB 1:N identification, by both protocols that are in use. */
export interface IjbIdentificationResult {
  readonly set: IjbName;
  /** insightface's name of the rule: `N0D1F1`. */
  readonly variant: string;
  readonly legacy: LegacyIdentification;
  readonly corrected: CorrectedIdentification;
  readonly counts: { readonly galleries: readonly [number, number]; readonly probes: number };
}

/** How {@link evaluateIjbIdentification} searches. */
export interface IjbIdentificationOptions {
  /** Told now and then how much of how much is done. */
  onProgress?: (done: number, total: number) => void;
  signal?: AbortSignal;
}

/**
 * Looks for the people of IJB's probes in its galleries, 1:N: open-set identification by both protocols of insightface.
 *
 * @throws KappaError as `evaluateIjbVerification`, and `ERR_CANCELLED`
 */
export async function evaluateIjbIdentification(
  set: IjbSet,
  lists: IjbIdentification,
  features: IjbFeatures,
  rule: IjbRule = {},
  options: IjbIdentificationOptions = {},
): Promise<IjbIdentificationResult> {
  return (await identifyIjb(set, lists, features, rule, options)).result;
}

/** {@link evaluateIjbIdentification}, with what its result was made of, probe by probe. */
export function identifyIjb(
  set: IjbSet,
  { galleries, probes }: IjbIdentification,
  features: IjbFeatures,
  rule: IjbRule,
  { onProgress, signal }: IjbIdentificationOptions,
): Promise<{ result: IjbIdentificationResult; probes: IdentifiedProbes }> {
  return scope(async () => {
    const templates = await poolIjb(set, features, rule);
    const rowsOf = async (indices: Int32Array): Promise<Tensor> =>
      templates.indexSelect(0, await Tensor.from(indices));
    const columns = galleries.map((gallery) => gallery.templates.length) as [number, number];
    const gallery = await rowsOf(Int32Array.from(galleries.flatMap((one) => [...one.templates])));
    const columnOf = new Map(
      galleries.flatMap((one) => [...one.subjects]).map((subject, column) => [subject, column]),
    );
    const mates = Int32Array.from(probes.subjects, (subject) => columnOf.get(subject)!);
    const total = probes.templates.length;
    const identification = new Identification({ probes: total, columns, mates });
    const across = await gallery.transpose(0, 1);
    for (let from = 0; from < total; from += BLOCK) {
      if (signal?.aborted) throw new KappaError('ERR_CANCELLED', `Comparing ${set.name} was cancelled.`);
      const block = probes.templates.subarray(from, from + BLOCK);
      const scores = await scope(async () => {
        const product = (await rowsOf(block)).matmul(across);
        return (await (await product).toTypedArray()) as Float32Array;
      });
      const width = scores.length / block.length;
      for (let i = 0; i < block.length; i++)
        identification.add(from + i, scores.subarray(i * width, (i + 1) * width));
      onProgress?.(Math.min(from + BLOCK, total), total);
      await yieldToEvents();
    }
    const result = {
      set: set.name,
      variant: ijbVariant(rule),
      legacy: identification.legacy(),
      corrected: identification.corrected(),
      counts: { galleries: columns, probes: total },
    };
    return { result, probes: identification.probes() };
  });
}
