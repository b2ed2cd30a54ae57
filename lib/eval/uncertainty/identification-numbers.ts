import {
  RANKS,
  type CorrectedGallery,
  type CorrectedIdentification,
  type IdentifiedProbes,
  type LegacyIdentification,
  type TpirPoint,
} from '../metrics/identification';
import type { RecordedNumber } from '../records/record';
import { DrawnNumbers, type LimitedRate } from './drawn-numbers';
import type { DrawOptions } from './draws';
import { influenceOfPairs } from './influence';
import { countWithin } from './sorted-pairs';

/** 1:N identification, by both protocols, and whose the probes are. */
export interface IdentifiedPeople {
  readonly legacy: LegacyIdentification;
  readonly corrected: CorrectedIdentification;
  readonly probes: IdentifiedProbes;
  /** [Q] the person of each probe, from 0 on. */
  readonly people: Int32Array;
  /** How many people there are. */
  readonly count: number;
}

/** Shares of probes found, and TPIR at FPIRs, with draws of the probes' people and intervals. */
export function identificationNumbers(input: IdentifiedPeople, options: DrawOptions = {}): RecordedNumber[] {
  const { corrected, legacy, probes } = input;
  const numbers = new DrawnNumbers(input.count);
  const addRanks = (
    prefix: string,
    label: string,
    above: Int32Array,
    shares: Record<number, number>,
  ): void => {
    for (const rank of RANKS) {
      const { influence } = influenceOfPairs(
        above.map((n) => Number(n < rank)),
        sidesOf(input),
      );
      numbers.share(`${prefix}rank-${rank}`, `${label}rank ${rank}`, shares[rank]!, influence);
    }
  };
  addRanks('', '', probes.aboveInGallery, corrected.ranks);
  for (const [i, { fpir }] of corrected.points.entries())
    numbers.rateAtLimit(
      `tpir@fpir=${fpir}`,
      `TPIR at FPIR ${fpir}`,
      corrected.galleries.map((gallery, g) => galleryRate(input, gallery, g, gallery.points[i]!)),
    );
  addRanks('legacy/', 'legacy rule: ', probes.above, legacy.ranks);
  for (const point of legacy.points)
    numbers.rateAtLimit(`legacy/tpir@fpir=${point.fpir}`, `legacy rule: TPIR at FPIR ${point.fpir}`, [
      legacyRate(input, point),
    ]);
  return numbers.draw(options);
}

function sidesOf({ people, count }: IdentifiedPeople) {
  return { first: people, second: people, units: count };
}

/** TPIR in one gallery: probes found in it, and as FPIR the other probes whose best score is at the threshold or above it. */
function galleryRate(
  input: IdentifiedPeople,
  { mated }: CorrectedGallery,
  gallery: number,
  { tpir, threshold }: TpirPoint,
): LimitedRate {
  const { mateScores, galleries } = input.probes;
  const best = input.probes.best[gallery]!;
  const isMated = (probe: number): boolean => galleries[probe] === gallery;
  const isFirst = (probe: number): boolean => mateScores[probe]! > best[probe]!;
  const hits = best.map((_, probe) => Number(isFirst(probe) && mateScores[probe]! > threshold));
  const alarms = influenceOfPairs(
    best.map((score) => Number(score >= threshold)),
    sidesOf(input),
    (probe) => !isMated(probe),
  );
  const found = mateScores.filter((_, probe) => isMated(probe) && isFirst(probe)).sort();
  const strangers = best.filter((_, probe) => !isMated(probe)).sort();
  return {
    value: tpir,
    influence: influenceOfPairs(hits, sidesOf(input), isMated).influence,
    limit: alarms.mean,
    limitInfluence: alarms.influence,
    rateAt: (limit) => {
      const bound = strangers[strangers.length - rankOf(limit, strangers)]!;
      return (found.length - countWithin(found, bound)) / mated;
    },
  };
}

/** TPIR among all galleries: as FPIR, scores of other people at the threshold or above it, a probe. */
function legacyRate(input: IdentifiedPeople, { fpir, tpir, threshold }: TpirPoint): LimitedRate {
  const { mateScores, impostors } = input.probes;
  const { length: total } = mateScores;
  const alarms = new Float64Array(total);
  for (const probe of impostors.owners.subarray(0, Math.ceil(total * fpir))) alarms[probe]!++;
  const { mean, influence } = influenceOfPairs(alarms, sidesOf(input));
  const hits = mateScores.map((score) => Number(score > threshold));
  const mates = mateScores.slice().sort();
  return {
    value: tpir,
    influence: influenceOfPairs(hits, sidesOf(input)).influence,
    limit: mean,
    limitInfluence: influence,
    rateAt: (limit) => {
      const bound =
        impostors.values[Math.min(Math.max(Math.round(total * limit), 1), impostors.values.length) - 1]!;
      return (total - countWithin(mates, bound)) / total;
    },
  };
}

/** Which of falling values is at a share of them, from 1 on. */
function rankOf(share: number, { length }: ArrayLike<number>): number {
  return Math.min(Math.max(Math.round(length * share), 1), length);
}
