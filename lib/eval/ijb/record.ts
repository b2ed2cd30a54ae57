import { setImmediate as yieldToEvents } from 'node:timers/promises';

import type { IjbSet } from '../../data/protocols/ijb';
import type { IjbIdentification } from '../../data/protocols/ijb-identification';
import { scope } from '../../tensor/scope';
import { verifyIjb, type IjbFeatures, type IjbVerificationResult } from './verify';
import { identifyIjb, type IjbIdentificationOptions, type IjbIdentificationResult } from './identify';
import { IJB_FARS, ijbFlags, type IjbRule } from '../metrics/ijb-rules';
import { cumulativeMatches } from '../metrics/thinned-curve';
import { resamplingOf } from '../records/pairs';
import type { EvaluationRecord, RecordedCurve } from '../records/record';
import { tiedPeople } from '../uncertainty/components';
import { bandPoints, CosineBins, errorCurves, logarithmicSteps } from '../uncertainty/curves';
import type { DrawOptions } from '../uncertainty/draws';
import { identificationNumbers } from '../uncertainty/identification-numbers';
import { templateNumbers } from '../uncertainty/template-numbers';

/** The model, and the set's folder, as a record names them. */
export interface IjbFacts {
  readonly model: string;
  readonly data: string;
}

const SCORES_AT_ONCE = 1 << 20;
const BAND_DRAWS = 200;

/**
 * {@link evaluateIjbVerification}, and its record: TAR with intervals, ROC and DET, similarities. The intervals come from
 * drawing people; templates are of one person where a pair says so, directly or over others.
 *
 * @throws KappaError as `evaluateIjbVerification`
 */
export function recordIjbVerification(
  set: IjbSet,
  features: IjbFeatures,
  rule: IjbRule,
  facts: IjbFacts,
  options: DrawOptions = {},
): Promise<{ result: IjbVerificationResult; record: EvaluationRecord }> {
  return scope(async () => {
    const { result, scores: tensor, roc } = await verifyIjb(set, features, rule);
    const scores = (await tensor.toTypedArray()) as Float32Array;
    const { first, second, isGenuine } = set.pairs;
    const pairs = { scores, first, second, isGenuine, roc, ...peopleOfTemplates(set) };
    const numbers = await templateNumbers(pairs, IJB_FARS, options);
    const fars = logarithmicSteps(Math.max(1 / roc.allImpostors, 1e-7), 0.1, 4);
    const band = await templateNumbers(pairs, fars, { draws: BAND_DRAWS, seed: options.seed });
    const record: EvaluationRecord = {
      format: 'kappaface-evaluation',
      version: 1,
      benchmark: 'ijb-verification',
      set: set.name,
      variant: result.variant,
      protocol: result.protocol,
      flags: ijbFlags(rule),
      ...facts,
      counts: { ...set.counts, people: pairs.count },
      numbers: [...numbers, { id: 'auc', label: 'AUC', value: result.auc, isShare: true }],
      resampling: resamplingOf('identities', pairs.count, [pairs.people, first, second, isGenuine], options),
      curves: errorCurves(`${set.name} ${result.variant}`, bandPoints(fars, band)),
      histograms: await histogramsOf(scores, isGenuine),
      made: new Date().toISOString(),
    };
    return { result, record };
  });
}

/**
 * {@link evaluateIjbIdentification}, and its record: shares found and TPIR by both protocols, with intervals from drawing the
 * probes' people, and the DET curve of the corrected one.
 *
 * @throws KappaError as `evaluateIjbIdentification`
 */
export async function recordIjbIdentification(
  set: IjbSet,
  lists: IjbIdentification,
  features: IjbFeatures,
  rule: IjbRule,
  { draws, seed, ...options }: IjbIdentificationOptions & IjbFacts & DrawOptions,
): Promise<{ result: IjbIdentificationResult; record: EvaluationRecord }> {
  const { model, data, ...hooks } = options;
  const { result, probes } = await identifyIjb(set, lists, features, rule, hooks);
  const { legacy, corrected, counts, variant } = result;
  const { subjects } = lists.probes;
  const places = new Map<number, number>();
  const people = Int32Array.from(subjects, (subject) => {
    const place = places.get(subject) ?? places.size;
    places.set(subject, place);
    return place;
  });
  const count = places.size;
  const drawing = { draws, seed };
  const curve = corrected.curve.map(({ fpir, tpir }) => ({ x: fpir, y: tpir }));
  const matches = cumulativeMatches(probes.above, counts.galleries[0] + counts.galleries[1] - 1);
  const cmc: RecordedCurve = {
    kind: 'cmc',
    label: `${set.name} ${variant}, both galleries as one`,
    // People count ranks from 1.
    x: matches.x.map((rank) => rank + 1),
    y: matches.y,
  };
  const record: EvaluationRecord = {
    format: 'kappaface-evaluation',
    version: 1,
    benchmark: 'ijb-identification',
    set: set.name,
    variant,
    protocol:
      'insightface 1:N; each gallery by itself and the mean of both (ijb_evals.py), and by the legacy rule both galleries as one (ijb_1n.py)',
    flags: ijbFlags(rule),
    model,
    data,
    counts: { gallery: counts.galleries[0] + counts.galleries[1], probes: counts.probes, people: count },
    numbers: identificationNumbers({ legacy, corrected, probes, people, count }, drawing),
    resampling: resamplingOf('identities', count, [people, probes.galleries], drawing),
    curves: [...errorCurves(`${set.name} ${variant}, mean of the galleries`, curve), cmc],
    histograms: [],
    made: new Date().toISOString(),
  };
  return { result, record };
}

/** The person of each template, as far as pairs tell. */
export function peopleOfTemplates({ faces, pairs }: IjbSet): { people: Int32Array; count: number } {
  const { first, second, isGenuine } = pairs;
  function* ties(): Generator<readonly [number, number]> {
    for (let p = 0; p < first.length; p++) if (isGenuine[p]) yield [first[p]!, second[p]!];
  }
  return tiedPeople(faces.templateIds.length, ties());
}

async function histogramsOf(scores: Float32Array, isGenuine: Uint8Array) {
  const bins = new CosineBins();
  for (let from = 0; from < scores.length; from += SCORES_AT_ONCE) {
    const to = Math.min(from + SCORES_AT_ONCE, scores.length);
    for (let p = from; p < to; p++) bins.add(scores[p]!, isGenuine[p] === 1);
    await yieldToEvents();
  }
  return bins.histograms();
}
