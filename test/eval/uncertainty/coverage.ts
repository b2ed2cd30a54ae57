/**
 * How often the 95% intervals hold the truth, over simulated benchmarks:
 *
 *   node -r ts-node/register/transpile-only test/eval/uncertainty/coverage.ts [benchmarks, 1000]
 */
import { areaUnderCurve, equalErrorRate, rocCurve } from '../../../lib/eval/metrics/roc';
import type { PairRoc } from '../../../lib/eval/metrics/pair-roc';
import type { RecordedNumber } from '../../../lib/eval/records/record';
import { tiedPeople } from '../../../lib/eval/uncertainty/components';
import type { ComparedPairs } from '../../../lib/eval/uncertainty/compared-pairs';
import { pairNumbers } from '../../../lib/eval/uncertainty/pair-numbers';
import { SortedPairs } from '../../../lib/eval/uncertainty/sorted-pairs';
import { templateNumbers, type ScoredPairs } from '../../../lib/eval/uncertainty/template-numbers';
import { SimulatedPeople, squaredDistance } from '../../support/simulated-benchmark';

const PICTURES = 6;
const DRAWS = 400;

/** Share of benchmarks whose interval holds the truth, by the id of the number. */
export type Coverage = Map<string, number>;

/** Pairs as LFW has them: people and pictures at random, as many of one person as of two. */
export function simulatedPairs(
  seed: number,
  { people, pairs }: { people: number; pairs: number },
): ComparedPairs {
  const simulated = new SimulatedPeople(seed);
  const pictures = Array.from({ length: people }, () => simulated.person(PICTURES));
  const first = new Int32Array(2 * pairs);
  const second = new Int32Array(2 * pairs);
  const isSame = Array.from({ length: 2 * pairs }, (_, pair) => pair % 2 === 0);
  const distances = Float64Array.from(isSame, (same, pair) => {
    const a = simulated.below(people);
    const b = same ? a : (a + 1 + simulated.below(people - 1)) % people;
    const i = simulated.below(PICTURES);
    const j = same ? (i + 1 + simulated.below(PICTURES - 1)) % PICTURES : simulated.below(PICTURES);
    [first[pair], second[pair]] = [a, b];
    return squaredDistance(pictures[a]![i]!, pictures[b]![j]!);
  });
  return { distances, isSame, sides: { first, second, units: people } };
}

/** Coverage of the numbers of sets of pairs. */
export function coverageOfPairs(benchmarks: number, size: { people: number; pairs: number }): Coverage {
  const all = simulatedPairs(1, { people: 100_000, pairs: 200_000 });
  const sorted = new SortedPairs(all.distances, all.isSame);
  const roc = rocCurve(all.distances, all.isSame);
  let accuracy = 0;
  for (let i = 0; i < 400; i++)
    accuracy = Math.max(accuracy, (sorted.tarBelow(i / 100) + 1 - sorted.farBelow(i / 100)) / 2);
  const truth = new Map([
    ['accuracy', accuracy],
    ['tar@far=1e-2', sorted.tarAt(1e-2)],
    ['auc', areaUnderCurve(roc)],
    ['eer', equalErrorRate(roc)],
  ]);
  const counter = new Counter(truth);
  for (let i = 0; i < benchmarks; i++)
    counter.add(pairNumbers(simulatedPairs(1000 + i, size), { draws: DRAWS }));
  return counter.coverage();
}

const TEMPLATES = 3;

/** Templates as IJB has them: some of each person, and all pairs of them. */
function simulatedTemplates(seed: number, people: number): ScoredPairs {
  const simulated = new SimulatedPeople(seed);
  const templates = Array.from({ length: people }, () => simulated.person(TEMPLATES)).flat();
  const pairs = templates.flatMap((_, a) => templates.slice(a + 1).map((__, i) => [a, a + 1 + i] as const));
  const isSame = ([a, b]: readonly [number, number]): boolean =>
    Math.floor(a / TEMPLATES) === Math.floor(b / TEMPLATES);
  const scores = Float32Array.from(pairs, ([a, b]) => -squaredDistance(templates[a]!, templates[b]!));
  const isGenuine = Uint8Array.from(pairs, (pair) => Number(isSame(pair)));
  return {
    scores,
    first: Int32Array.from(pairs, ([a]) => a),
    second: Int32Array.from(pairs, ([, b]) => b),
    isGenuine,
    ...tiedPeople(templates.length, pairs.filter(isSame)),
    roc: plainRoc(scores, isGenuine),
  };
}

function plainRoc(scores: Float32Array, isGenuine: Uint8Array): PairRoc {
  const order = Array.from(scores.keys()).sort((a, b) => scores[b]! - scores[a]!);
  const points = [{ impostors: 0, genuine: 0, threshold: Infinity }];
  for (const pair of order) {
    const { impostors, genuine } = points.at(-1)!;
    points.push({
      impostors: impostors + 1 - isGenuine[pair]!,
      genuine: genuine + isGenuine[pair]!,
      threshold: scores[pair]!,
    });
  }
  return {
    impostors: Float64Array.from(points, (point) => point.impostors),
    genuine: Float64Array.from(points, (point) => point.genuine),
    thresholds: Float32Array.from(points, (point) => point.threshold),
    allImpostors: points.at(-1)!.impostors,
    allGenuine: points.at(-1)!.genuine,
  };
}

/** Coverage of TAR at FAR over all pairs of templates. */
export async function coverageOfTemplates(benchmarks: number, people: number): Promise<Coverage> {
  const fars = [1e-3, 1e-2, 1e-1];
  const all = simulatedPairs(2, { people: 100_000, pairs: 300_000 });
  const sorted = new SortedPairs(all.distances, all.isSame);
  const counter = new Counter(
    new Map(fars.map((far) => [`tar@far=${far.toExponential()}`, sorted.tarAt(far)])),
  );
  for (let i = 0; i < benchmarks; i++)
    counter.add(await templateNumbers(simulatedTemplates(1000 + i, people), fars, { draws: DRAWS }));
  return counter.coverage();
}

class Counter {
  readonly #truth: ReadonlyMap<string, number>;
  readonly #held = new Map<string, number>();
  #benchmarks = 0;

  constructor(truth: ReadonlyMap<string, number>) {
    this.#truth = truth;
  }

  add(numbers: readonly RecordedNumber[]): void {
    this.#benchmarks++;
    for (const [id, truth] of this.#truth) {
      const { low, high } = numbers.find((number) => number.id === id)!.interval!;
      if (truth >= low && truth <= high) this.#held.set(id, (this.#held.get(id) ?? 0) + 1);
    }
  }

  coverage(): Coverage {
    return new Map([...this.#truth.keys()].map((id) => [id, (this.#held.get(id) ?? 0) / this.#benchmarks]));
  }
}

async function main(benchmarks: number): Promise<void> {
  const print = (what: string, coverage: Coverage): void => {
    for (const [id, share] of coverage) console.log(`${what}: ${id} ${(100 * share).toFixed(1)}%`);
  };
  print('300 people, 600 + 600 pairs', coverageOfPairs(benchmarks, { people: 300, pairs: 600 }));
  print('4,000 people, 3,000 + 3,000 pairs', coverageOfPairs(benchmarks, { people: 4000, pairs: 3000 }));
  print('100 people, 300 templates, all pairs', await coverageOfTemplates(benchmarks, 100));
}

if (require.main === module) void main(Number(process.argv[2] ?? 1000));
