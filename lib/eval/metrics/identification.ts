import { KappaError } from '../../errors';
import { Largest } from './largest';

/** Ranks at which the share of probes that are found is told. */
export const RANKS = [1, 5, 10] as const;

/** Shares by rank. */
export type RankShares = Record<(typeof RANKS)[number], number>;

/** A share of probes that are identified at a threshold that lets so many strangers through. */
export interface TpirPoint {
  readonly fpir: number;
  /** Share of probes whose person is in the gallery, and is found above the threshold. */
  readonly tpir: number;
  readonly threshold: number;
}

/** Tells what scores of probes against galleries amount to; scores are given probe by probe. */
export interface IdentificationScores {
  /** Number of probes. */
  readonly probes: number;
  /** Gallery columns of each gallery, one gallery after the other. */
  readonly columns: readonly number[];
  /** The column of each probe's mate, among all columns. */
  readonly mates: Int32Array;
}

/** `ijb_1n.py` of insightface: both galleries as one. */
export interface LegacyIdentification {
  readonly ranks: RankShares;
  /** The threshold is the `ceil(probes FPIR)`-th largest of all scores between a probe and another person. */
  readonly points: readonly TpirPoint[];
}

/** `ijb_evals.py` of insightface: each gallery by itself, and the mean of both. */
export interface CorrectedIdentification {
  readonly galleries: readonly CorrectedGallery[];
  /** Hits in both galleries over all probes. */
  readonly ranks: RankShares;
  /** Means of the galleries' rates at the FPIRs that the protocol prints, 1e-4 to 1. */
  readonly points: readonly MeanPoint[];
  /** The same at 100 FPIRs from 1e-4 to 1: with FNIR over FPIR the DET curve. */
  readonly curve: readonly MeanPoint[];
}

/** A mean over galleries. */
export interface MeanPoint {
  readonly fpir: number;
  readonly tpir: number;
  /** 1 - TPIR. */
  readonly fnir: number;
}

/** 1:N identification against one gallery, by the corrected protocol. */
export interface CorrectedGallery {
  /** Probes whose mate is in this gallery. */
  readonly mated: number;
  readonly ranks: RankShares;
  /** The threshold is the `max(int(M FPIR) - 1, 0)`-th of the M other probes' largest scores, from 0. */
  readonly points: readonly TpirPoint[];
  readonly curve: readonly TpirPoint[];
}

/** Scores of Q probes, as far as rates are made of them. */
export interface IdentifiedProbes {
  /** [Q] columns of all galleries, and of the mate's alone, that are above the mate. */
  readonly above: Int32Array;
  readonly aboveInGallery: Int32Array;
  /** [Q] */
  readonly mateScores: Float32Array;
  /** [galleries][Q] the largest score in each gallery but that of the mate. */
  readonly best: readonly Float32Array[];
  /** [Q] the gallery of the mate. */
  readonly galleries: Int32Array;
  /** The largest scores between probes and other people, falling, and the probe of each: twice as many as thresholds need. */
  readonly impostors: { readonly values: Float32Array; readonly owners: Int32Array };
}

/** FPIRs that the legacy protocol prints. */
export const LEGACY_FPIRS = [1e-3, 1e-2, 1e-1] as const;
/** FPIRs that the corrected protocol prints. */
const CORRECTED_FPIRS = [1e-4, 1e-3, 1e-2, 1e-1, 1] as const;
/** FPIRs of its curve. */
const CURVE_FPIRS: readonly number[] = Array.from({ length: 100 }, (_, i) =>
  // 10 ** -4 is not quite 0.0001 here.
  Number((10 ** (-4 + (4 * i) / 99)).toPrecision(15)),
);

/** Sums up scores of probes by both 1:N protocols that are in use for IJB; they are not kept. */
export class Identification {
  readonly #scores: IdentificationScores;
  readonly #starts: number[] = [0];
  readonly #impostors: Largest;
  /** Of each probe: its mate's score, and how many columns of all, and of the mate's gallery, have a larger one. */
  readonly #mateScores: Float32Array;
  readonly #above: Int32Array;
  readonly #aboveInGallery: Int32Array;
  /** Of each probe, by gallery: the largest score but that of its mate. */
  readonly #best: Float32Array[];

  constructor(scores: IdentificationScores) {
    this.#scores = scores;
    for (const count of scores.columns) this.#starts.push(this.#starts.at(-1)! + count);
    const { probes } = scores;
    this.#impostors = new Largest(2 * Math.ceil(probes * Math.max(...LEGACY_FPIRS)));
    this.#mateScores = new Float32Array(probes);
    this.#above = new Int32Array(probes);
    this.#aboveInGallery = new Int32Array(probes);
    this.#best = scores.columns.map(() => new Float32Array(probes).fill(-Infinity));
  }

  /** Scores of a probe against all columns. */
  add(probe: number, row: Float32Array): void {
    const mate = this.#scores.mates[probe]!;
    const mateScore = row[mate]!;
    this.#mateScores[probe] = mateScore;
    for (const [g, best] of this.#best.entries()) {
      const [from, to] = [this.#starts[g]!, this.#starts[g + 1]!];
      let [above, largest] = [0, -Infinity];
      for (let c = from; c < to; c++) {
        if (c === mate) continue;
        const score = row[c]!;
        if (score > largest) largest = score;
        if (score > mateScore) above++;
        this.#impostors.add(score, probe);
      }
      best[probe] = largest;
      this.#above[probe]! += above;
      if (mate >= from && mate < to) this.#aboveInGallery[probe] = above;
    }
  }

  /** What the rates are made of, probe by probe. */
  probes(): IdentifiedProbes {
    return {
      above: this.#above,
      aboveInGallery: this.#aboveInGallery,
      mateScores: this.#mateScores,
      best: this.#best,
      galleries: Int32Array.from(this.#scores.mates, (mate) =>
        this.#starts.findLastIndex((start) => start <= mate),
      ),
      impostors: this.#impostors.all(),
    };
  }

  legacy(): LegacyIdentification {
    const { probes } = this.#scores;
    const points = LEGACY_FPIRS.map((fpir) => {
      const threshold = this.#impostors.nth(Math.ceil(probes * fpir));
      if (threshold === undefined)
        throw new KappaError(
          'ERR_ARGUMENT',
          'The galleries are too small for the thresholds of the protocol.',
        );
      const hits = this.#mateScores.reduce((count, score) => count + (score > threshold ? 1 : 0), 0);
      return { fpir, tpir: hits / probes, threshold };
    });
    return { ranks: shares(this.#above, probes), points };
  }

  corrected(): CorrectedIdentification {
    const { probes, mates } = this.#scores;
    const galleries = this.#best.map((best, g): CorrectedGallery => {
      const isMated = (probe: number): boolean =>
        mates[probe]! >= this.#starts[g]! && mates[probe]! < this.#starts[g + 1]!;
      const all = Array.from({ length: probes }, (_, probe) => probe);
      const mated = all.filter(isMated);
      const strangers = Float32Array.from(
        all.filter((probe) => !isMated(probe)),
        (probe) => best[probe]!,
      )
        .sort()
        .reverse();
      if (mated.length === 0 || strangers.length === 0)
        throw new KappaError(
          'ERR_ARGUMENT',
          'Each gallery needs probes whose person it has, and probes whose person it does not have.',
        );
      const at = (fpir: number): TpirPoint => {
        const threshold = strangers[Math.max(Math.trunc(strangers.length * fpir) - 1, 0)]!;
        const hits = mated.filter((probe) => {
          const score = this.#mateScores[probe]!;
          return score > best[probe]! && score > threshold;
        }).length;
        return { fpir, tpir: hits / mated.length, threshold };
      };
      const above = Int32Array.from(mated, (probe) => this.#aboveInGallery[probe]!);
      return {
        mated: mated.length,
        ranks: shares(above, mated.length),
        points: CORRECTED_FPIRS.map(at),
        curve: CURVE_FPIRS.map(at),
      };
    });
    const mean = (name: 'points' | 'curve'): MeanPoint[] =>
      galleries[0]![name].map(({ fpir }, i) => {
        const tpir = galleries.reduce((sum, gallery) => sum + gallery[name][i]!.tpir, 0) / galleries.length;
        return { fpir, tpir, fnir: 1 - tpir };
      });
    return {
      galleries,
      ranks: shares(this.#aboveInGallery, probes),
      points: mean('points'),
      curve: mean('curve'),
    };
  }
}

/** Shares of probes whose mate is among the k best; others with the same score do not push it back. */
function shares(above: Int32Array, probes: number): RankShares {
  const within = (rank: number): number => above.reduce((count, n) => count + (n < rank ? 1 : 0), 0) / probes;
  return { 1: within(1), 5: within(5), 10: within(10) };
}
