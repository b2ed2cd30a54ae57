import { benchmarkTitles } from '../../eval/records/text-table';
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
/** Bins of scores that are shown. */
const SCORE_BINS = 60;

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

/** The charts of a set. */
export interface ChartGroup {
  readonly title: string;
  readonly charts: readonly Chart[];
}

/** The curves and histograms of evaluations, by sets: a chart for each kind, with all models. */
export function evaluationCharts(records: readonly ShownRecord[]): ChartGroup[] {
  const sets = [...new Set(records.map(({ record }) => setKey(record)))];
  return sets.flatMap((key, s) => {
    const ofSet = toldApart(records.filter(({ record }) => setKey(record) === key));
    const curves = kinds.flatMap((kind) => curveCharts(ofSet, kind, `${kind.kind}-${s}`));
    const scores = ofSet.flatMap((shown, i) => histogramChart(shown, `scores-${s}-${i}`, ofSet.length > 1));
    const charts = [...curves, ...scores];
    const { set, benchmark } = ofSet[0]!.record;
    return charts.length === 0 ? [] : [{ title: `${set}, ${benchmarkTitles[benchmark]}`, charts }];
  });
}

function setKey({ benchmark, set }: EvaluationRecord): string {
  return JSON.stringify([benchmark, set]);
}

/** Records of one set with names that tell them apart: by the rule, too, where a model was evaluated by several. */
function toldApart(records: readonly ShownRecord[]): readonly ShownRecord[] {
  const names = new Set(records.map(({ name }) => name));
  if (names.size === records.length) return records;
  return records.map((shown, colour) => {
    const { variant } = shown.record;
    const name = [names.size > 1 ? shown.name : undefined, variant].filter((part) => part !== undefined);
    return { ...shown, colour, name: name.length > 0 ? name.join(', ') : shown.name };
  });
}

/** One chart with the curve of each model, or, where a model has several, a chart of each model. */
function curveCharts(ofSet: readonly ShownRecord[], kind: CurveKind, id: string): Chart[] {
  const having = ofSet
    .map((shown) => ({ shown, curves: shown.record.curves.filter((curve) => curve.kind === kind.kind) }))
    .filter(({ curves }) => curves.length > 0);
  if (having.length === 0) return [];
  const chart = (id: string, title: string, series: readonly Series[]): Chart => {
    const hasBands = series.some(({ low }) => low !== undefined);
    const note = hasBands ? `${kind.note} The band holds 95% of such benchmarks.` : kind.note;
    return { id, title, note, kind: 'lines', x: kind.x, y: kind.y, series };
  };
  if (having.every(({ curves }) => curves.length === 1))
    return [
      chart(
        id,
        kind.title,
        having.map(({ shown: { name, colour }, curves }) => ({
          ...{ label: name, colour },
          ...thinned(curves[0]!, kind),
        })),
      ),
    ];
  return having.map(({ shown, curves }, i) =>
    chart(
      `${id}-${i}`,
      ofSet.length > 1 ? `${kind.title}: ${shown.name}` : kind.title,
      curves.map((curve, colour) => ({ label: curve.label, colour, ...thinned(curve, kind) })),
    ),
  );
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
  // A band that reaches down to 0 ends below the curve: a logarithmic axis has no 0.
  const least = Math.min(...kept.map((i) => y[i]!)) / 2;
  const floor = (values: number[]): number[] =>
    axes.y.isLog ? values.map((value) => short(Math.max(value, least))) : values;
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
  return [
    {
      ...{ id, kind: 'steps' },
      title: isOneOfSeveral ? `Scores: ${name}` : 'Scores',
      note: 'How the scores of pairs of one person and of two are spread, each as shares of its kind.',
      x: { label: histograms[0]!.quantity },
      y: { label: 'share of the pairs', isShare: true, min: 0 },
      series: readable(histograms).map(stepsOf),
    },
  ];
}

/** Without the empty ends that all have, and with neighbours put together where an eye could not tell them apart. */
function readable(histograms: readonly RecordedHistogram[]): RecordedHistogram[] {
  const [{ edges }] = histograms as [RecordedHistogram];
  const isAlike = histograms.every((other) => JSON.stringify(other.edges) === JSON.stringify(edges));
  if (!isAlike) return [...histograms];
  const filled = edges
    .slice(1)
    .flatMap((_, i) => (histograms.some(({ counts }) => counts[i]! > 0) ? [i] : []));
  const [first, last] = [filled[0] ?? 0, filled.at(-1) ?? edges.length - 2];
  const each = Math.ceil((last - first + 1) / SCORE_BINS);
  const starts = Array.from({ length: Math.ceil((last - first + 1) / each) }, (_, i) => first + i * each);
  return histograms.map(({ counts, ...rest }) => ({
    ...rest,
    edges: [...starts, Math.min(starts.at(-1)! + each, edges.length - 1)].map((i) => edges[i]!),
    counts: starts.map((start) => counts.slice(start, start + each).reduce((sum, count) => sum + count, 0)),
  }));
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
