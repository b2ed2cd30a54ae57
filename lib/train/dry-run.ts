import { constants } from 'node:fs';
import { access, stat, statfs } from 'node:fs/promises';
import path from 'node:path';

import type { ResolvedConfig } from '../config/schema';
import type { Batch } from '../data/loader/data-loader';
import { fingerprintOf } from '../data/fingerprint';
import { KappaError, ioError } from '../errors';
import { bytesOf } from '../io/safetensors';
import { initialRunState } from '../run/run-state';
import type { RunState } from '../run/run-state';
import type { TrainerOptions } from './events';
import { findRun } from './find-run';
import { estimateMemory } from './memory-need';
import type { MemoryNeed } from './memory-need';
import { restore } from './restore';
import { trainStep } from './step';
import type { StepResult } from './step';
import { closeWorkshop, openWorkshop } from './workshop';
import type { Workshop } from './workshop';

/** What a dry run found. */
export interface DryRunReport {
  /** The folder of the run that would go on; null where a new one would be made. */
  folder: string | null;
  resumedFrom: string | null;
  /** Steps done before. */
  firstStep: number;
  totalSteps: number;
  stepsPerEpoch: number;
  data: { root: string; images: number; classes: number };
  verification: { name: string; pairs: number }[];
  disk: {
    folder: string;
    /** Of one checkpoint. */
    checkpointBytes: number;
    /** The checkpoints that are kept, the best one, and the one being written. */
    neededBytes: number;
    freeBytes: number;
  };
  memory: MemoryNeed & { /** The most the process really had, in the step. */ measuredPeak: number };
  step: StepResult & { seconds: number; imagesPerSecond: number };
}

/** Where the memory that is free is less than this share of what is needed, the step is not tried. */
const HOPELESS = 0.75;

/**
 * Tries everything that a run does but writes nothing: config, data, verification sets (every image is decoded), room
 * and rights on the disk, memory, and one step, on a model that is thrown away.
 *
 * @throws what {@link Trainer.run} throws, and KappaError `ERR_OUT_OF_MEMORY` where a step cannot fit
 */
export async function dryRun(given: ResolvedConfig, options: TrainerOptions): Promise<DryRunReport> {
  if (options.group)
    throw new KappaError(
      'ERR_USAGE',
      'A dry run tries one process: run it with kappa train, without a launcher.',
    );
  const say = (text: string): void => options.onMessage?.(text);
  const { config, found } = await findRun(given, options);
  found?.folder.checkLock();
  const target = await writableFolder(found?.folder.root ?? config.output);
  const workshop = await openWorkshop(config, options, false);
  try {
    const { dataset, model, root, sets, stepsPerEpoch } = workshop;
    await found?.folder.keepDataset(await fingerprintOf(dataset), dataset.classNames, false);
    await found?.folder.keepClassNames(dataset.classNames, false);
    const state = found?.checkpoint
      ? await restore(model, found.checkpoint, {
          device: config.runtime.device,
          seed: config.seed,
          samplesPerClass: dataset.samplesPerClass,
        })
      : initialRunState();
    const disk = await diskNeed(workshop, config, target);
    const need = await estimateMemory(workshop, config);
    const toCome = need.peak - need.process;
    if (need.available < HOPELESS * toCome) throw outOfMemory(need);
    if (need.available < toCome)
      say(
        `Memory is short: about ${megabytes(toCome)} are needed besides what the process has, ${megabytes(need.available)} are free.`,
      );
    const step = await tryStep(workshop, config, state, say);
    return {
      folder: found?.folder.root ?? null,
      resumedFrom: found?.checkpoint ?? null,
      firstStep: state.step,
      totalSteps: config.train.epochs * stepsPerEpoch,
      stepsPerEpoch,
      data: { root, images: dataset.length, classes: dataset.numClasses },
      verification: sets.map(({ name, isSame }) => ({ name, pairs: isSame.length })),
      disk,
      memory: { ...need, measuredPeak: process.resourceUsage().maxRSS * 1024 },
      step,
    };
  } finally {
    await closeWorkshop(workshop);
  }
}

/** The folder that will be written to, or the nearest above it that is there. @throws KappaError `ERR_IO` */
async function writableFolder(folder: string): Promise<string> {
  let at = path.resolve(folder);
  for (;;) {
    const info = await stat(at).catch((error: NodeJS.ErrnoException) => {
      if (error.code !== 'ENOENT') throw ioError(error, 'write to', at);
    });
    if (info && !info.isDirectory())
      throw new KappaError('ERR_IO', `Could not write to ${folder}: ${at} is a file, not a folder.`);
    if (info) break;
    at = path.dirname(at);
  }
  await access(at, constants.W_OK | constants.X_OK).catch((error: unknown) => {
    throw ioError(error, 'write to', at);
  });
  return at;
}

async function diskNeed(
  { model }: Workshop,
  config: ResolvedConfig,
  folder: string,
): Promise<DryRunReport['disk']> {
  const states = [model.backbone, model.head, model.optimizer].map((part) => bytesOf(part.stateDict()));
  const checkpointBytes = states.reduce((sum, bytes) => sum + bytes, 0);
  const { bavail, bsize } = await statfs(folder);
  const disk = {
    folder,
    checkpointBytes,
    neededBytes: checkpointBytes * (config.train.keepCheckpoints + 2),
    freeBytes: bavail * bsize,
  };
  if (disk.freeBytes < disk.neededBytes)
    throw new KappaError(
      'ERR_IO',
      `The disk of ${folder} has ${megabytes(disk.freeBytes)} free, the checkpoints of this run need ${megabytes(disk.neededBytes)}: ${config.train.keepCheckpoints} that are kept, the best one and the one being written, ${megabytes(checkpointBytes)} each. Free some space, lower train.keepCheckpoints, or choose another folder with --output.`,
    );
  return disk;
}

function outOfMemory({ peak, process: now, activations, available }: MemoryNeed): KappaError {
  return new KappaError(
    'ERR_OUT_OF_MEMORY',
    `A step would need about ${megabytes(peak - now)} more than the process has now, ${megabytes(activations)} of it for activations, and ${megabytes(available)} are free: it was not tried. Lower train.batchSize and raise train.accumulate by as much.`,
  );
}

async function tryStep(
  { loader, model, schedule }: Workshop,
  config: ResolvedConfig,
  { step, epoch, stepInEpoch }: RunState,
  say: (text: string) => void,
): Promise<DryRunReport['step']> {
  const { accumulate, epochs } = config.train;
  const batches: Batch[] = [];
  const at = epoch < epochs ? { epoch, startBatch: stepInEpoch * accumulate } : { epoch: 0, startBatch: 0 };
  for await (const batch of loader.epoch(at.epoch, { startBatch: at.startBatch })) {
    if (batches.push(batch) === accumulate) break;
  }
  const images = batches.reduce((sum, { size }) => sum + size, 0);
  const started = performance.now();
  const result = await trainStep(model, batches, {
    lr: schedule(step),
    clipNorm: config.optimizer.clipNorm,
  });
  const seconds = (performance.now() - started) / 1000;
  if (!Number.isFinite(result.loss))
    throw new KappaError(
      'ERR_NOT_FINITE',
      `The loss of the first step is not finite (${result.loss}): look at the data and at backbone.precision.`,
    );
  if (!result.updated)
    say(
      'The gradient of the first step was not finite: with float16 that is common while its factor settles.',
    );
  return { ...result, seconds, imagesPerSecond: images / seconds };
}

function megabytes(bytes: number): string {
  return `${Math.ceil(bytes / 1e6).toLocaleString('en-US')} MB`;
}
