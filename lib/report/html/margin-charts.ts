import type { ClassStatistics, ValueHistogram } from '../../run/class-statistics';
import { short, type Axis, type Chart, type HeatMap, type Series } from './chart';
import type { RunData } from './run-data';

/** Bins of the pictures: as many as can be told apart. */
const MARGIN_BINS = 48;
const KAPPA_BINS = 48;
/** Beyond these shares a few classes would stretch the axis. */
const TAIL = 0.005;
const quantiles = [0.05, 0.5, 0.95] as const;

const margin: Axis = { label: 'margin, rad' };
const kappa: Axis = { label: 'concentration kappa', isLog: true };

/** How concentrations and margins went over the epochs, and what margins go by. */
export function marginCharts(runs: readonly RunData[]): Chart[] {
  const known = runs.map((run, colour) => ({ run, colour })).filter(({ run }) => run.statistics.length > 0);
  const title = (text: string, { name }: RunData): string => (runs.length > 1 ? `${text}: ${name}` : text);
  return [
    ...known.flatMap(({ run, colour }) => [
      heatChart(`kappa-${colour}`, title('Concentrations by epoch', run), run, 'kappa', colour),
      heatChart(`margin-${colour}`, title('Margins by epoch', run), run, 'margin', colour),
    ]),
    ...scatter(known, 'margin-size', 'Margin and class size', {
      x: { label: 'images of the class', isLog: true },
      of: 'images',
      note: 'Small classes are given more margin.',
    }),
    ...scatter(known, 'margin-kappa', 'Margin and concentration', {
      ...{ x: kappa, of: 'kappa', note: 'Scattered classes, of low kappa, are given more margin.' },
    }),
  ];
}

function heatChart(
  id: string,
  title: string,
  { statistics }: RunData,
  value: 'kappa' | 'margin',
  colour: number,
): Chart {
  const histograms = statistics.map((line) => line[value]);
  const heat = heatOf(statistics, histograms, value);
  const x = statistics.map(({ epoch }) => epoch);
  const [low, middle, high] = quantiles.map((share) =>
    histograms.map((histogram) => short(quantile(histogram, share))),
  ) as [number[], number[], number[]];
  const bounds = { min: heat.edges[0], max: heat.edges.at(-1) };
  const [first] = statistics;
  return {
    ...{ id, title, kind: 'heat', heat },
    note: `Darker where more of the ${first!.classes.toLocaleString('en-US')} classes are; the line is the median, dashed are 5% and 95%.`,
    x: { label: 'epoch', min: x[0]! - 0.5, max: x.at(-1)! + 0.5 },
    y: { ...(value === 'kappa' ? kappa : margin), ...bounds },
    series: [
      { label: '5%', colour, x, y: low, isDashed: true },
      { label: 'median', colour, x, y: middle },
      { label: '95%', colour, x, y: high, isDashed: true },
    ],
  };
}

/** The value that so large a share of the classes is below; within a bin by a straight line. */
export function quantile({ min, max, edges, counts }: ValueHistogram, share: number): number {
  const total = counts.reduce((sum, count) => sum + count, 0);
  let below = 0;
  for (const [i, count] of counts.entries()) {
    if (count > 0 && below + count >= share * total) {
      const [from, to] = [Math.max(min, edges[i]!), Math.min(max, edges[i + 1]!)];
      return from + ((to - from) * (share * total - below)) / count;
    }
    below += count;
  }
  return max;
}

/** Histograms of all epochs over the same bins, as many as a picture needs. */
function heatOf(
  statistics: readonly ClassStatistics[],
  histograms: readonly ValueHistogram[],
  value: 'kappa' | 'margin',
): HeatMap {
  const isLog = value === 'kappa';
  const positive = (histogram: ValueHistogram, share: number): number =>
    isLog ? Math.max(quantile(histogram, share), 0.1) : quantile(histogram, share);
  const low = Math.min(...histograms.map((histogram) => positive(histogram, isLog ? 0.02 : TAIL)));
  const high = Math.max(...histograms.map((histogram) => positive(histogram, 1 - TAIL)));
  const bins = isLog ? KAPPA_BINS : MARGIN_BINS;
  const [from, to] = isLog ? [Math.log(low), Math.log(high)] : [low, high];
  const width = (to - from || 1) / bins;
  const place = (value: number): number =>
    Math.min(bins, Math.max(0, ((isLog ? Math.log(Math.max(value, 1e-9)) : value) - from) / width));
  const counts = histograms.map((histogram) => spread(histogram, bins, place));
  const edges = Array.from({ length: bins + 1 }, (_, i) => {
    const edge = from + i * width;
    return short(isLog ? Math.exp(edge) : edge);
  });
  return { x: statistics.map(({ epoch }) => epoch), edges, counts };
}

/** A histogram over other bins: what a bin holds goes to those that it overlaps, in proportion. */
function spread({ edges, counts }: ValueHistogram, bins: number, place: (value: number) => number): number[] {
  const column = new Array<number>(bins).fill(0);
  for (const [i, count] of counts.entries()) {
    if (count === 0) continue;
    const [low, high] = [place(edges[i]!), place(edges[i + 1]!)];
    const last = Math.min(bins - 1, Math.ceil(high) - 1);
    const first = Math.min(bins - 1, Math.floor(low), Math.max(0, last));
    for (let bin = first; bin <= Math.max(first, last); bin++) {
      const overlap = Math.min(high, bin + 1) - Math.max(low, bin);
      column[bin]! += high > low ? (count * overlap) / (high - low) : count;
    }
  }
  return column.map(short);
}

interface Known {
  run: RunData;
  colour: number;
}

/** Margins of the last epoch against something else of the classes. */
function scatter(
  known: readonly Known[],
  id: string,
  title: string,
  { x, of, note }: { x: Axis; of: 'images' | 'kappa'; note: string },
): Chart[] {
  const series = known.map(({ run, colour }): Series => {
    const { sample } = run.statistics.at(-1)!;
    const points = sample.margin
      .map((value, i) => ({ x: sample[of][i]!, y: value }))
      .filter((point) => point.x > 0)
      .sort((a, b) => a.x - b.x || a.y - b.y);
    return { label: run.name, colour, x: points.map((point) => point.x), y: points.map(({ y }) => y) };
  });
  const every = known[0]?.run.statistics.at(-1)?.sample.every ?? 1;
  const which = every > 1 ? ` Every ${every}th class.` : '';
  if (series.length === 0) return [];
  return [
    {
      ...{ id, title, kind: 'points', x, y: margin, series },
      note: `Each point is a class, after the last epoch. ${note}${which}`,
    },
  ];
}
