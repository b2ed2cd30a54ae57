import type { RunData } from './run-data';
import { markup, type Html } from './text';

/** A fact about each run; undefined where a run does not have it. */
type Fact = readonly [name: string, of: (run: RunData) => string | undefined];

const whole = (value: number | undefined): string | undefined => value?.toLocaleString('en-US');
const percent = (share: number): string => `${(100 * share).toFixed(2)}%`;

const facts: readonly Fact[] = [
  ['Head', ({ config }) => (config ? headText(config.head) : undefined)],
  ['Backbone', ({ config }) => (config ? backboneText(config.backbone) : undefined)],
  ['Data', ({ config }) => (config ? (config.data.root ?? 'drawn faces') : undefined)],
  ['Images', ({ images }) => whole(images)],
  ['Classes', ({ classes }) => whole(classes)],
  [
    'Batch',
    ({ config }) =>
      config &&
      `${config.train.batchSize}${config.train.accumulate > 1 ? ` × ${config.train.accumulate} passes` : ''}`,
  ],
  ['Epochs', epochsText],
  [
    'Optimizer',
    ({ config }) =>
      config &&
      `SGD, rate ${config.optimizer.lr} at ${config.optimizer.referenceBatchSize} images, weight decay ${config.optimizer.weightDecay}`,
  ],
  ['Schedule', ({ config }) => config && config.schedule.kind],
  [
    'Precision',
    ({ config }) =>
      config &&
      `backbone ${config.backbone.precision}, head ${config.head.precision}, on ${config.runtime.device}`,
  ],
  ['Seed', ({ config }) => config && String(config.seed)],
  ['Steps', (run) => whole(lastStep(run))],
  [
    'Skipped steps',
    ({ result, steps }) => whole(result?.skippedSteps ?? (steps.at(-1)?.skippedSteps as number | undefined)),
  ],
  ['Training time', ({ result }) => (result ? duration(result.seconds) : undefined)],
  ['Throughput', (run) => speedText(run)],
  ['Best accuracy', (run) => bestText(run)],
  ['Evaluations', ({ evaluations }) => (evaluations.length > 0 ? whole(evaluations.length) : undefined)],
  ['Folder', ({ folder }) => folder],
];

/** What the runs are and came to: figures in large, and a table of everything that tells them apart. */
export function summarySection(runs: readonly RunData[]): Html {
  const [only, ...others] = runs;
  return others.length === 0 && only ? markup`${tiles(only)}${factsOf(only)}` : comparison(runs);
}

/** Of one run: names and values side by side. */
function factsOf(run: RunData): Html {
  const rows = facts.flatMap(([name, of]) => {
    const value = of(run);
    return value === undefined ? [] : [markup`<div><dt>${name}</dt><dd>${value}</dd></div>`];
  });
  return markup`<dl class="card facts">${rows}</dl>`;
}

/** Of several runs: a column each; what differs stands out. */
function comparison(runs: readonly RunData[]): Html {
  const rows = facts.flatMap(([name, of]) => {
    const values = runs.map(of);
    if (values.every((value) => value === undefined)) return [];
    return [
      markup`<tr class="${new Set(values).size > 1 ? 'differs' : ''}">
        <th scope="row">${name}</th>
        ${values.map((value) => markup`<td>${value ?? '–'}</td>`)}
      </tr>`,
    ];
  });
  return markup`<div class="card">
    <div class="scroll" tabindex="0" role="region" aria-label="Facts">
      <table class="facts">
        <thead>
          <tr>
            <td></td>
            ${runs.map(({ name }) => markup`<th scope="col">${name}</th>`)}
          </tr>
        </thead>
        <tbody>
          ${rows}
        </tbody>
      </table>
    </div>
  </div>`;
}

function tiles(run: RunData): Html {
  const best = bestOf(run);
  const { result, images, classes } = run;
  const shown: (readonly [string, string, string | undefined] | undefined)[] = [
    best && [
      'Best accuracy',
      percent(best.accuracy),
      `${best.sets}, step ${best.step.toLocaleString('en-US')}`,
    ],
    lastStep(run) > 0
      ? ['Steps', lastStep(run).toLocaleString('en-US'), epochsText(run)?.concat(' epochs')]
      : undefined,
    images === undefined
      ? undefined
      : [
          'Images',
          images.toLocaleString('en-US'),
          classes === undefined ? undefined : `${classes.toLocaleString('en-US')} classes`,
        ],
    result && ['Training time', duration(result.seconds), undefined],
    speedOf(run) === undefined ? undefined : ['Throughput', `${speedText(run)}`, 'median'],
  ];
  const made = shown
    .filter((tile) => tile !== undefined)
    .map(
      ([name, value, about]) =>
        markup`<div class="tile">
          <dt>${name}</dt>
          <dd>${value}${about === undefined ? undefined : markup`<small>${about}</small>`}</dd>
        </div>`,
    );
  return markup`<dl class="tiles">${made}</dl>`;
}

type Config = NonNullable<RunData['config']>;

const headNames = { arcface: 'ArcFace', cosface: 'CosFace', combined: 'combined margin' };

function headText(head: Config['head']): string {
  const parts: string[] = [`scale ${head.scale}`];
  if ('margin' in head) parts.unshift(`margin ${String(head.margin)}`);
  if (head.sampleRate < 1) parts.push(`${100 * head.sampleRate}% of the classes a step`);
  if (head.kind !== 'kappaface') return `${headNames[head.kind]}: ${parts.join(', ')}`;
  const { concentration, gamma, temperature } = head;
  const names = { memory: 'memory buffer', momentum: 'momentum encoder' };
  return `KappaFace, ${names[concentration.kind]}: ${parts.join(', ')}, gamma ${gamma}, T ${temperature}`;
}

function backboneText({ depth, widthMultiplier, embeddingSize }: Config['backbone']): string {
  const width = widthMultiplier === 1 ? '' : `, width × ${widthMultiplier}`;
  return `IResNet-${depth}${width}, embeddings of ${embeddingSize}`;
}

function lastStep({ result, steps }: RunData): number {
  return result?.steps ?? steps.at(-1)?.step ?? 0;
}

function epochsText({ config, steps, verifications, result }: RunData): string | undefined {
  if (config === undefined) return undefined;
  if (result) return String(config.train.epochs);
  const done = Math.max(0, Number(steps.at(-1)?.epoch ?? 0), ...verifications.map(({ epoch }) => epoch));
  return `${done} of ${config.train.epochs}`;
}

function bestOf({
  result,
  verifications,
}: RunData): { accuracy: number; step: number; sets: string } | undefined {
  const mean = (accuracies: readonly number[]): number =>
    accuracies.reduce((sum, value) => sum + value, 0) / accuracies.length;
  const all = verifications.map(({ step, sets }) => ({
    step,
    accuracy: mean(Object.values(sets).map(({ accuracy }) => accuracy)),
    sets: setsText(Object.keys(sets)),
  }));
  if (result?.best) {
    const { meanAccuracy, step, verification } = result.best;
    return { accuracy: meanAccuracy, step, sets: setsText(Object.keys(verification)) };
  }
  return all.reduce<(typeof all)[number] | undefined>(
    (best, one) => (best === undefined || one.accuracy > best.accuracy ? one : best),
    undefined,
  );
}

function setsText(sets: readonly string[]): string {
  return sets.length > 2 ? `mean of ${sets.length} sets` : sets.join(' and ');
}

function bestText(run: RunData): string | undefined {
  const best = bestOf(run);
  return best && `${percent(best.accuracy)} (${best.sets}, step ${best.step.toLocaleString('en-US')})`;
}

function speedOf({ steps }: RunData): number | undefined {
  const speeds = steps
    .map(({ imagesPerSecond }) => imagesPerSecond)
    .filter((value) => typeof value === 'number')
    .sort((a, b) => a - b);
  return speeds[Math.floor(speeds.length / 2)];
}

function speedText(run: RunData): string | undefined {
  const speed = speedOf(run);
  if (speed === undefined) return undefined;
  const text = speed >= 100 ? Math.round(speed).toLocaleString('en-US') : speed.toPrecision(3);
  return `${text} images/s`;
}

/** Seconds as people say them. */
function duration(seconds: number): string {
  if (seconds < 90) return `${Math.round(seconds)} s`;
  const minutes = Math.round(seconds / 60);
  if (minutes < 90) return `${minutes} min`;
  const hours = Math.floor(minutes / 60);
  return hours < 48 ? `${hours} h ${minutes % 60} min` : `${Math.floor(hours / 24)} d ${hours % 24} h`;
}
