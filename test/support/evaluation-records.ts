// Evaluations as commands leave them, made of drawn scores: for tests of what shows them.
import type {
  BenchmarkName,
  EvaluationRecord,
  RecordedCurve,
  RecordedHistogram,
  RecordedNumber,
} from '../../lib/eval/records/record';
import { Xoshiro128 } from '../../lib/random';

/** How well the drawn model tells people apart: distance of the two kinds of scores in deviations. */
export interface DrawnModel {
  seed: number;
  model: string;
  data?: string;
  separation?: number;
}

const BINS = 80;

function gaussian(random: Xoshiro128): number {
  const uniform = (): number => (random.next() + 0.5) / 2 ** 32;
  return Math.sqrt(-2 * Math.log(uniform())) * Math.cos(2 * Math.PI * uniform());
}

function histogram(kind: 'genuine' | 'impostor', scores: readonly number[]): RecordedHistogram {
  const edges = Array.from({ length: BINS + 1 }, (_, i) => -0.4 + (1.4 * i) / BINS);
  const counts = new Array<number>(BINS).fill(0);
  for (const score of scores)
    counts[Math.min(BINS - 1, Math.max(0, Math.floor(((score + 0.4) / 1.4) * BINS)))]! += 1;
  return { kind, edges, counts, quantity: 'cosine' };
}

/** Scores of pairs of one person and of two. */
function drawScores({ seed, separation = 5 }: DrawnModel, genuine: number, impostor: number) {
  const random = Xoshiro128.fromSeed(seed, 1);
  return {
    genuine: Array.from({ length: genuine }, () => 0.1 * (gaussian(random) + separation)),
    impostor: Array.from({ length: impostor }, () => 0.1 * gaussian(random)),
  };
}

/** The ROC of scores, with the spread of a share of n for a band. */
function roc(genuine: readonly number[], impostor: readonly number[], kind: 'roc' | 'det'): RecordedCurve {
  const falling = [...genuine].sort((a, b) => b - a);
  const strangers = [...impostor].sort((a, b) => b - a);
  const [x, y, low, high] = [[], [], [], []] as [number[], number[], number[], number[]];
  let accepted = 0;
  for (let i = 1; i <= strangers.length; i = Math.ceil(i * 1.03)) {
    while (accepted < falling.length && falling[accepted]! > strangers[i - 1]!) accepted++;
    const tar = accepted / falling.length;
    const spread = 1.96 * Math.sqrt((tar * (1 - tar) + 1 / genuine.length) / genuine.length);
    const value = kind === 'roc' ? tar : 1 - tar;
    x.push(i / strangers.length);
    y.push(value);
    low.push(Math.max(0, value - spread));
    high.push(Math.min(1, value + spread));
  }
  return { kind, label: '', x, y, low, high };
}

function share(id: string, label: string, value: number, spread?: number): RecordedNumber {
  const interval =
    spread === undefined
      ? undefined
      : { low: Math.max(0, value - spread), high: Math.min(1, value + spread) };
  return { id, label, value, isShare: true, interval };
}

function recordOf(
  { model, data = '/data/set.bin' }: DrawnModel,
  benchmark: BenchmarkName,
  set: string,
  rest: Partial<EvaluationRecord>,
): EvaluationRecord {
  return {
    ...{ format: 'kappaface-evaluation', version: 1, benchmark, set, model, data },
    ...{ protocol: 'as insightface has it', flags: { flip: true }, counts: { pairs: 6000 } },
    ...{ numbers: [], curves: [], histograms: [], made: '2026-11-27T12:00:00.000Z' },
    ...rest,
  };
}

/** A verification set of 6,000 pairs. */
export function verificationRecord(model: DrawnModel, set: string): EvaluationRecord {
  const { genuine, impostor } = drawScores(model, 3000, 3000);
  const right =
    genuine.filter((score) => score > 0.25).length + impostor.filter((score) => score <= 0.25).length;
  const accuracy = right / 6000;
  const hardest = [
    ...genuine.map((score, i) => ({
      first: `${2 * (i % 500)}`,
      second: `${2 * (i % 500) + 1}`,
      isSame: true,
      score,
    })),
    ...impostor.map((score, i) => ({
      first: `${2 * (i % 500)}`,
      second: `${2 * (i % 500) + 1}`,
      isSame: false,
      score,
    })),
  ];
  hardest.sort(
    (a, b) => (a.isSame ? a.score - 0.25 : 0.25 - a.score) - (b.isSame ? b.score - 0.25 : 0.25 - b.score),
  );
  return recordOf(model, 'verification', set, {
    numbers: [
      share('accuracy', 'accuracy', accuracy, 1.96 * Math.sqrt((accuracy * (1 - accuracy)) / 6000)),
      share('tar@far=1e-3', 'TAR at FAR 1e-3', 0.987, 0.004),
      share('auc', 'AUC', 0.9991),
      share('eer', 'EER', 1 - accuracy),
      { id: 'xnorm', label: 'XNorm', value: 21.337, isShare: false },
    ],
    resampling: { unit: 'identities', units: 4281, draws: 1000, seed: 1, fingerprint: 'x' },
    curves: [roc(genuine, impostor, 'roc'), roc(genuine, impostor, 'det')],
    histograms: [histogram('genuine', genuine), histogram('impostor', impostor)],
    hardest: hardest.slice(0, 20),
  });
}

/** IJB, 1:1. */
export function ijbRecord(model: DrawnModel, set: string, variant = 'N0D1F1'): EvaluationRecord {
  const { genuine, impostor } = drawScores(model, 10_000, 200_000);
  return recordOf(model, 'ijb-verification', set, {
    variant,
    numbers: [6, 5, 4, 3, 2, 1].map((power) =>
      share(`tar@far=1e-${power}`, `TAR at FAR 1e-${power}`, 0.99 - power / 100, 0.003),
    ),
    curves: [roc(genuine, impostor, 'roc')],
    counts: { templates: 23_124, pairs: 15_658_489 },
  });
}

/** MegaFace, with a CMC. */
export function megafaceRecord(model: DrawnModel): EvaluationRecord {
  const ranks = Array.from({ length: 60 }, (_, i) => Math.round(10 ** (i / 10)));
  const x = [...new Set(ranks)];
  return recordOf(model, 'megaface', 'facescrub', {
    numbers: [
      share('rank-1', 'rank 1', 0.9821, 0.003),
      share('tar@far=1e-6', 'TAR at FAR 1e-6', 0.9855, 0.002),
    ],
    curves: [{ kind: 'cmc', label: '', x, y: x.map((rank) => 1 - 0.018 / rank ** 0.4) }],
    counts: { probes: 3530, distractors: 1_000_000 },
  });
}

/** Four groups of people at a common threshold. */
export function groupsRecord(model: DrawnModel): EvaluationRecord {
  const groups = ['African', 'Asian', 'Caucasian', 'Indian'];
  return recordOf(model, 'groups', 'rfw', {
    numbers: groups.flatMap((group, g) => [
      share(`${group}/accuracy`, `${group}: accuracy`, 0.95 + g / 100, 0.005),
      share(`${group}/fmr`, `${group}: FMR`, 0.002 - g / 4000, 0.0005),
      share(`${group}/fnmr`, `${group}: FNMR`, 0.06 - g / 100, 0.006),
    ]),
    curves: groups.map((group, g) => {
      const { genuine, impostor } = drawScores(
        { ...model, seed: model.seed + g, separation: 3.4 + g / 4 },
        3000,
        3000,
      );
      return { ...roc(genuine, impostor, 'roc'), label: group };
    }),
  });
}
