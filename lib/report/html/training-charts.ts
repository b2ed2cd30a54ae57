import { short, type Axis, type Chart, type Series } from './chart';
import type { RunData } from './run-data';
import { thin } from './thin';

const steps: Axis = { label: 'step' };

/** The curves of training, over steps. */
export function trainingCharts(runs: readonly RunData[]): Chart[] {
  const curve = (id: string, title: string, y: Axis, field: string, note?: string): readonly Chart[] => {
    const series = runs.flatMap((run, colour) => seriesOf(run, field, run.name, colour));
    return series.length === 0 ? [] : [{ id, title, note, kind: 'lines', x: steps, y, series }];
  };
  return [
    ...curve('loss', 'Loss', { label: 'loss' }, 'loss', 'Mean of the steps since the point before.'),
    ...accuracyCharts(runs),
    ...curve(
      'cosine',
      'Cosine to the own centre',
      { label: 'cosine' },
      'targetCosine',
      'Of an embedding and the centre of its class, without margin.',
    ),
    ...curve('lr', 'Learning rate', { label: 'learning rate' }, 'lr'),
    ...curve('speed', 'Throughput', { label: 'images/s', min: 0 }, 'imagesPerSecond'),
    ...curve(
      'gradient',
      'Gradient norm',
      { label: 'norm', isLog: true },
      'gradNorm',
      'Of the backbone, before it is clipped.',
    ),
  ];
}

function seriesOf(run: RunData, field: string, label: string, colour: number): Series[] {
  const points = run.steps.filter((line) => typeof line[field] === 'number');
  if (points.length === 0) return [];
  const { x, y } = thin({
    x: points.map(({ step }) => step),
    y: points.map((line) => line[field] as number),
  });
  return [{ label, colour, x, y: y.map(short) }];
}

/** Of one run a chart with all sets; of several runs a chart for each set, with all runs. */
function accuracyCharts(runs: readonly RunData[]): Chart[] {
  const sets = [
    ...new Set(runs.flatMap(({ verifications }) => verifications.flatMap(({ sets }) => Object.keys(sets)))),
  ];
  const y: Axis = { label: 'accuracy', isShare: true };
  const of = (run: RunData, set: string, label: string, colour: number): Series[] => {
    const points = run.verifications.filter(({ sets }) => sets[set] !== undefined);
    if (points.length === 0) return [];
    const { x, y } = thin({
      x: points.map(({ step }) => step),
      y: points.map(({ sets }) => sets[set]!.accuracy),
    });
    return [{ label, colour, x, y: y.map(short) }];
  };
  const [only] = runs;
  if (only === undefined || sets.length === 0) return [];
  const note = 'Mean accuracy of ten folds, at each verification.';
  const chart = (id: string, title: string, series: readonly Series[]): Chart => {
    return { id, title, note, kind: 'lines', x: steps, y, series };
  };
  if (runs.length === 1)
    return [
      chart(
        'accuracy',
        'Verification accuracy',
        sets.flatMap((set, i) => of(only, set, set, i)),
      ),
    ];
  return sets.map((set, i) =>
    chart(
      `accuracy-${i}`,
      `Verification accuracy: ${set}`,
      runs.flatMap((run, colour) => of(run, set, run.name, colour)),
    ),
  );
}
