import type { VerificationSet } from '../data/protocols/verification-set';
import type { Embeddings } from './embed';
import { pairDistances } from './metrics/pair-distances';
import { evaluateEmbeddings, type VerificationResult } from './metrics/verification';
import { FOLD_COUNT } from './metrics/ten-fold';
import { foldNumbers, recordPairs, sidesOfPairs } from './records/pairs';
import type { EvaluationRecord } from './records/record';
import type { DrawOptions } from './uncertainty/draws';

/**
 * The record of a verification set: what {@link evaluateEmbeddings} tells, with intervals, curves, similarities and the
 * hardest pairs. The intervals come from drawing people: pictures are of one person where they are the same file, or a pair
 * says so.
 *
 * @param set its pictures are only told apart
 * @param embedded of them, each plus its mirror image
 * @param facts the model, the file of the set, and what of the rules was not followed
 * @throws KappaError as `evaluateEmbeddings`
 */
export function recordVerification(
  set: VerificationSet,
  { data, embeddingSize, xnorm }: Embeddings,
  facts: Pick<EvaluationRecord, 'model' | 'data' | 'flags'>,
  options: DrawOptions = {},
): { result: VerificationResult; record: EvaluationRecord } {
  const { name, isSame, images } = set;
  const result = evaluateEmbeddings({ name, embeddings: data, embeddingSize, isSame, xnorm });
  const { distances } = pairDistances(data, embeddingSize, name);
  const genuine = isSame.filter(Boolean).length;
  const record = recordPairs(
    { distances, isSame, sides: sidesOfPairs(images, isSame) },
    {
      benchmark: 'verification',
      set: name,
      protocol: result.protocol,
      counts: { pairs: result.pairs, genuine, impostor: result.pairs - genuine },
      ...facts,
      others: [
        ...foldNumbers({ ...result, standardError: result.std / Math.sqrt(FOLD_COUNT - 1) }),
        { id: 'xnorm', label: 'XNorm', value: result.xnorm, isShare: false },
      ],
    },
    options,
  );
  return { result, record };
}
