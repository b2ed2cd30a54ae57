import { evaluateEmbeddings } from '../../../lib';
import { Normal } from '../../../scripts/dev/synthetic/features';

/** What ten-fold verification took, of ours and of the peer. */
export interface FoldFigures {
  seconds: number;
  accuracy: number;
  val: number;
  peakBytes: number;
}

const [PAIRS, DIMENSION, ROUNDS] = [6000, 512, 15];

/** Embeddings of as many pairs as LFW has; both sides draw them alike. @returns raw float32, and the answers */
export function foldEmbeddings(): { embeddings: Float32Array; isSame: Uint8Array } {
  const embeddings = new Float32Array(2 * PAIRS * DIMENSION);
  const isSame = Uint8Array.from({ length: PAIRS }, (_, pair) => Number(pair % 600 < 300));
  const normal = new Normal(9);
  for (let pair = 0; pair < PAIRS; pair++)
    for (let d = 0; d < DIMENSION; d++) {
      const at = 2 * pair * DIMENSION + d;
      const shared = isSame[pair] ? normal.next() : 0;
      embeddings[at] = shared + 1.8 * normal.next();
      embeddings[at + DIMENSION] = shared + 1.8 * normal.next();
    }
  return { embeddings, isSame };
}

/** Ten folds by this library: from embeddings to accuracy, TAR and the ROC. */
export function measureFolds(): FoldFigures {
  const { embeddings, isSame } = foldEmbeddings();
  const input = { name: 'bench', embeddings, embeddingSize: DIMENSION, isSame };
  let [seconds, result] = [Infinity, evaluateEmbeddings(input)];
  for (let round = 0; round < ROUNDS; round++) {
    const started = performance.now();
    result = evaluateEmbeddings(input);
    seconds = Math.min(seconds, (performance.now() - started) / 1000);
  }
  const { accuracy, val } = result;
  return { seconds, accuracy, val, peakBytes: process.resourceUsage().maxRSS * 1024 };
}
