import { nameOfSet } from '../../eval/records/paper-tables';
import type { EvaluationRecord, RecordedCurve, RecordedHistogram } from '../../eval/records/record';
import { short, type Axis, type Chart, type Series } from './chart';

/** An evaluation of a run, or of another model whose folder was given. */
export interface ShownRecord {
  readonly name: string;
  readonly colour: number;
  readonly record: EvaluationRecord;
}

/** Points that a curve is thinned to. */
const POINTS = 400;

interface CurveKind {
  readonly kind: RecordedCurve['kind'];
  readonly title: string;
  readonly note: string;
  readonly x: Axis;
  readonly y: Axis;
}

const kinds: readonly CurveKind[] = [
  {
    ...{ kind: 'roc', title: 'ROC' },
    note: 'Share of genuine pairs accepted, over the share of impostors accepted. Higher is better.',
    x: { label: 'FAR', isLog: true },
    y: { label: 'TAR', isShare: true },
  },
  {
    ...{ kind: 'det', title: 'DET' },
    note: 'Both error rates at each threshold, on logarithmic axes. Lower is better.',
    x: { label: 'FMR, or FPIR', isLog: true },
    y: { label: 'FNMR, or FNIR', isLog: true },
  },
  {
    ...{ kind: 'cmc', title: 'CMC' },
    note: 'Share of probes whose mate is among the first so many. Higher is better.',
    x: { label: 'rank', isLog: true },
    y: { label: 'hits', isShare: true },
  },
];

/** The curves and histograms of evaluations: a chart for each set and kind, with all models. */
export function evaluationCharts(records: readonly ShownRecord[]): Chart[] {
  const sets = [...new Set(records.map(({ record }) => setKey(record)))];
  return sets.flatMap((key, s) => {
    const ofSet = records.filter(({ record }) => setKey(record) === key);
    const title = nameOfSet(ofSet[0]!.record);
    const curves = kinds.flatMap((kind): Chart[] => {
      const series = ofSet.flatMap((shown) => curvesOf(shown, kind, ofSet.length > 1));
      if (series.length === 0) return [];
      const { note, x, y } = kind;
      const hasBands = series.some(({ low }) => low !== undefined);
      return [
        {
          ...{ id: `${kind.kind}-${s}`, title: `${kind.title}: ${title}`, kind: 'lines', x, y, series },
          note: hasBands ? `${note} The band holds 95% of such benchmarks.` : note,
        },
      ];
    });
    return [
      ...curves,
      ...ofSet.flatMap((shown, i) => histogramChart(shown, `scores-${s}-${i}`, ofSet.length > 1)),
    ];
  });
}

function setKey({ benchmark, set, variant }: EvaluationRecord): string {
  return JSON.stringify([benchmark, set, variant]);
}

function curvesOf({ name, colour, record }: ShownRecord, kind: CurveKind, isOneOfSeveral: boolean): Series[] {
  const curves = record.curves.filter((curve) => curve.kind === kind.kind);
  return curves.map((curve, i) => {
    const label = [
      isOneOfSeveral || curve.label === '' ? name : undefined,
      curves.length > 1 || !isOneOfSeveral ? curve.label : undefined,
    ]
      .filter((part) => part !== undefined && part !== '')
      .join(', ');
    return {
      label,
      // The curves of one record, such as those of several groups, are told apart by colours, too.
      colour: isOneOfSeveral ? colour : i,
      isDashed: isOneOfSeveral && i > 0,
      ...thinned(curve, kind),
    };
  });
}

/** The part of a curve that its axes can show, thinned evenly along its longer way. */
function thinned(
  { x, y, low, high }: RecordedCurve,
  axes: CurveKind,
): Pick<Series, 'x' | 'y' | 'low' | 'high'> {
  const isShown = (i: number): boolean => (!axes.x.isLog || x[i]! > 0) && (!axes.y.isLog || y[i]! > 0);
  const shown = x.map((_, i) => i).filter(isShown);
  // Ascending, with one value each: where a curve climbs, its end.
  const order = shown.sort((a, b) => x[a]! - x[b]! || y[a]! - y[b]!);
  const distinct = order.filter((i, k) => x[order[k + 1] ?? -1] !== x[i]);
  const every = Math.ceil(distinct.length / POINTS);
  const kept = distinct.filter((_, k) => k % every === 0 || k === distinct.length - 1);
  const of = (values: readonly number[]): number[] => kept.map((i) => short(values[i]!));
  const floor = (values: number[]): number[] =>
    axes.y.isLog ? values.map((value) => Math.max(value, 1e-7)) : values;
  return {
    x: of(x),
    y: of(y),
    ...(low && high ? { low: floor(of(low)), high: floor(of(high)) } : {}),
  };
}

/** Scores of genuine and impostor pairs, each as shares of its kind. */
function histogramChart({ name, record }: ShownRecord, id: string, isOneOfSeveral: boolean): Chart[] {
  const { histograms } = record;
  if (histograms.length === 0) return [];
  const set = nameOfSet(record);
  return [
    {
      ...{ id, kind: 'steps' },
      title: `Scores: ${set}${isOneOfSeveral ? `, ${name}` : ''}`,
      note: 'How the scores of pairs of one person and of two are spread, each as shares of its kind.',
      x: { label: histograms[0]!.quantity },
      y: { label: 'share of the pairs', isShare: true, min: 0 },
      series: histograms.map((histogram) => stepsOf(histogram)),
    },
  ];
}

function stepsOf({ kind, edges, counts }: RecordedHistogram): Series {
  const total = counts.reduce((sum, count) => sum + count, 0) || 1;
  return {
    label: kind,
    colour: kind === 'genuine' ? 0 : 1,
    x: edges.map(short),
    // The last step ends at the last edge.
    y: [...counts.map((count) => short(count / total)), 0],
  };
}
