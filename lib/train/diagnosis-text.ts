import type { ResolvedConfig } from '../config/schema';
import type { LayerValues } from '../native/contract';
import type { Diagnosis } from './diagnosis';

const SHOWN_SAMPLES = 4;
/** The largest number of float16. */
const FLOAT16_MAX = 65_504;

/** A diagnosis in words: what went first, in which batch, and what to change. @param file where all of it stands */
export function diagnosisLines(found: Diagnosis, config: ResolvedConfig, file: string | undefined): string[] {
  const { samples } = found;
  const shown = samples.slice(0, SHOWN_SAMPLES).map(({ sample, label }) => `${sample} of class ${label}`);
  const more = samples.length > SHOWN_SAMPLES ? `, and ${samples.length - SHOWN_SAMPLES} more` : '';
  return [
    `The step was run once more: ${culprit(found)}.`,
    `Cosines to the classes' centres ${range(found.targetCosines)}, lengths of the embeddings ${range(found.embeddingNorms)} (least, mean, largest).`,
    `Losses before: ${found.recentLosses.map(short).join(', ') || 'none'}. Learning rate ${short(found.lr)}${found.lossScale === undefined ? '' : `, factor on the loss ${short(found.lossScale)}`}.`,
    `Images of the step: ${shown.join(', ')}${more}${file === undefined ? '' : ` (all of them in ${file})`}.`,
    `What to change: ${remedies(found, config).join('; ')}.`,
  ];
}

function culprit({ weights, firstOutput, firstGradient, largestOutput }: Diagnosis): string {
  const values = ({ notFinite }: LayerValues): string => `${notFinite} of its values are not finite`;
  const largest = largestOutput
    ? `; the largest finite output of a layer is ${short(largestOutput.largest)}, of ${largestOutput.layer}`
    : '';
  const broken = weights === undefined ? '' : `the weights themselves are not finite (${weights}); `;
  if (firstOutput?.layer === 'loss')
    return `${broken}every layer's output is finite, the loss of the head is not${largest}`;
  if (firstOutput)
    return `${broken}the output of ${firstOutput.layer} went first, ${values(firstOutput)}${largest}`;
  if (firstGradient)
    return `${broken}all outputs are finite, of the gradients that of ${firstGradient.layer}'s output went first, ${values(firstGradient)}${largest}`;
  return `${broken}all outputs and their gradients were finite this time, the gradients of the weights or their norm were not${largest}`;
}

function remedies(found: Diagnosis, { backbone, head, optimizer, schedule }: ResolvedConfig): string[] {
  const half = [
    ...(backbone.precision === 'float16' ? ['backbone.precision'] : []),
    ...(head.precision === 'float16' ? ['head.precision'] : []),
  ];
  const isAtLimit = (found.largestOutput?.largest ?? 0) > FLOAT16_MAX / 2;
  const precision = half.map(
    (option) =>
      `float16 ends at ${FLOAT16_MAX}${isAtLimit ? ', and the outputs reach it' : ''}: a new run with ${option}=bfloat16, or float32`,
  );
  const warmup = schedule.warmupEpochs > 0 ? 'a longer' : 'a';
  const margin = 'margin' in head ? [`a smaller head.margin (${head.margin})`] : [];
  const isScaling = found.firstOutput === undefined && (found.lossScale ?? 1) > 1;
  const scaling = isScaling
    ? ['more train.maxSkippedSteps: the factor on the loss is still being halved, which is no fault']
    : [];
  return [
    ...scaling,
    ...precision,
    `Lower optimizer.lr (${optimizer.lr})`,
    `${warmup} warm-up (schedule.warmupEpochs=${Math.max(1, 2 * schedule.warmupEpochs)})`,
    `a lower optimizer.clipNorm (${short(optimizer.clipNorm)})`,
    ...margin,
    'a look at the images above',
  ];
}

function range(values: readonly number[]): string {
  return values.map(short).join(', ');
}

function short(value: number): string {
  return Number.isFinite(value) ? String(Number(value.toPrecision(4))) : String(value);
}
