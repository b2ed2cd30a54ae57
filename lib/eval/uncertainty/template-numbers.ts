import { setImmediate as yieldToEvents } from 'node:timers/promises';

import { nearestFar, type OperatingPoint, type PairRoc } from '../metrics/pair-roc';
import type { RecordedNumber } from '../records/record';
import { DrawnNumbers, tarAtFarNames } from './drawn-numbers';
import type { DrawOptions } from './draws';
import { influenceOfCounts, influenceOfPairs } from './influence';

/** Millions of pairs of templates, compared. */
export interface ScoredPairs {
  /** [P] large for templates that look alike. */
  readonly scores: Float32Array;
  /** [P] templates. */
  readonly first: Int32Array;
  readonly second: Int32Array;
  /** [P] 1 for pairs of one person. */
  readonly isGenuine: Uint8Array;
  /** [T] the person of each template. */
  readonly people: Int32Array;
  /** How many people there are. */
  readonly count: number;
  readonly roc: PairRoc;
}

const PAIRS_AT_ONCE = 1 << 20;

/**
 * TAR at FARs as the field reads them off millions of pairs, with draws of people and intervals. It is counts that are drawn:
 * the scores are looked at once.
 */
export async function templateNumbers(
  pairs: ScoredPairs,
  fars: readonly number[],
  options: DrawOptions = {},
): Promise<RecordedNumber[]> {
  const { roc, count } = pairs;
  const points = fars.map((far) => nearestFar(roc, far));
  const { genuine, pairsOf, hitsOf } = await countByPerson(pairs, points);
  const sides = { first: genuine.people, second: genuine.people, units: count };
  const numbers = new DrawnNumbers(count);
  for (const [i, { tar, far, threshold }] of points.entries())
    numbers.rateAtLimit(...tarAtFarNames(fars[i]!), [
      {
        value: tar,
        influence: influenceOfPairs(
          genuine.scores.map((score) => Number(score >= threshold)),
          sides,
        ).influence,
        limit: far,
        limitInfluence: influenceOfCounts({
          pairs: pairsOf,
          hits: hitsOf[i]!,
          allPairs: roc.allImpostors,
          allHits: Math.round(far * roc.allImpostors),
        }).influence,
        rateAt: (limit) => nearestFar(roc, limit).tar,
      },
    ]);
  return numbers.draw(options);
}

interface CountedPairs {
  genuine: { scores: Float32Array; people: Int32Array };
  /** [people] impostor pairs that each takes part in. */
  pairsOf: Float64Array;
  /** [points][people] those of them that are accepted. */
  hitsOf: Float64Array[];
}

async function countByPerson(
  { scores, first, second, isGenuine, people, count, roc }: ScoredPairs,
  points: readonly OperatingPoint[],
): Promise<CountedPairs> {
  const genuine = { scores: new Float32Array(roc.allGenuine), people: new Int32Array(roc.allGenuine) };
  const pairsOf = new Float64Array(count);
  const hitsOf = points.map(() => new Float64Array(count));
  const lowest = Math.min(...points.map(({ threshold }) => threshold));
  let seen = 0;
  for (let from = 0; from < scores.length; from += PAIRS_AT_ONCE) {
    const to = Math.min(from + PAIRS_AT_ONCE, scores.length);
    for (let p = from; p < to; p++) {
      const [a, b, score] = [people[first[p]!]!, people[second[p]!]!, scores[p]!];
      if (isGenuine[p]) {
        genuine.scores[seen] = score;
        genuine.people[seen++] = a;
        continue;
      }
      pairsOf[a]!++;
      pairsOf[b]!++;
      if (score < lowest) continue;
      for (const [i, { threshold }] of points.entries())
        if (score >= threshold) {
          hitsOf[i]![a]!++;
          hitsOf[i]![b]!++;
        }
    }
    await yieldToEvents();
  }
  return { genuine, pairsOf, hitsOf };
}
