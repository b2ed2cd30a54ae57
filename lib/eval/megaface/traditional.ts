import type { MegafaceProbes } from '../../data/protocols/megaface';
import type { Tensor } from '../../tensor/tensor';
import { scoresOfPairs, type MatePairs } from '../distractor-ranks';

/** The devkit's traditional gallery: one photo of each person beside the distractors; the other photos are probes. */
export interface TraditionalRanks {
  /** Indices of pairs whose gallery photo is the first of its person. */
  readonly pairs: Int32Array;
  /** Of each of those, how many other people's first photos are nearer. */
  readonly people: Int32Array;
  /** People in the gallery but the probe's own. */
  readonly others: number;
}

/** @param unit [Q, D] features of length 1 @param scores [P] of the pairs */
export async function traditionalRanks(
  unit: Tensor,
  { people, persons }: MegafaceProbes,
  { gallery, probe }: MatePairs,
  scores: Float32Array,
): Promise<TraditionalRanks> {
  const firstOf = persons.map((_, person) => people.indexOf(person));
  const chosen = Int32Array.from(gallery.keys()).filter(
    (pair) => firstOf[people[gallery[pair]!]!] === gallery[pair],
  );
  const count = persons.length;
  const first = new Int32Array(chosen.length * count);
  const second = new Int32Array(chosen.length * count);
  for (const [i, pair] of chosen.entries())
    for (let person = 0; person < count; person++) {
      first[i * count + person] = firstOf[person]!;
      second[i * count + person] = probe[pair]!;
    }
  const all = (await (await scoresOfPairs(unit, first, second)).toTypedArray()) as Float32Array;
  const nearer = Int32Array.from(chosen, (pair, i) => {
    let above = 0;
    for (let person = 0; person < count; person++) if (all[i * count + person]! > scores[pair]!) above++;
    return above;
  });
  return { pairs: chosen, people: nearer, others: count - 1 };
}
