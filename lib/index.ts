/**
 * Deep face recognition for Node.js on LibTorch: backbones, margin heads, concentration, data, training, evaluation.
 *
 * @packageDocumentation
 */
export { KappaError } from './errors';
export type { KappaErrorCode } from './errors';

export { Tensor } from './tensor/tensor';
export type { DeviceOptions, Dims, Operand, TensorOptions } from './tensor/tensor';
export { liveTensors } from './tensor/core';
export { scope } from './tensor/scope';
export type { DType, HostArray, HostData, Precision } from './native/contract';
export { isGradEnabled, noGrad } from './native/submit';
export {
  buildInfo,
  getRandomState,
  getThreads,
  manualSeed,
  setRandomState,
  setThreads,
  synchronize,
} from './runtime/settings';
export { readSafetensors, writeSafetensors } from './io/safetensors';

export type { Backbone, BackboneShape } from './nn/backbone';
export { IResNet } from './nn/iresnet';
export type { IResNetDepth } from './nn/iresnet';
export type { IResNetOptions } from './nn/option-types';
export type { NamedTensors, Stateful } from './nn/module';

export { MarginHead } from './head/margin-head';
export type { ForwardOptions, HeadCounters } from './head/margin-head';
export { ArcFaceHead } from './head/arcface-head';
export { CosFaceHead } from './head/cosface-head';
export { CombinedMarginHead } from './head/combined-margin-head';
export type { ArcFaceHeadOptions, CombinedMarginHeadOptions, CosFaceHeadOptions } from './head/option-types';
export { KappaFaceHead } from './head/kappaface-head';
export type { ConcentrationOptions, KappaFaceHeadOptions } from './head/kappaface-head';

export { computeClassMargins } from './concentration/margins';
export type { ClassMargins } from './concentration/margins';
export type { MarginRule } from './concentration/option-types';
export type { ConcentrationEstimator, ObservedBatch } from './concentration/estimator';
export { MemoryBuffer } from './concentration/memory-buffer';
export type { MemoryBufferOptions } from './concentration/memory-buffer';
export { MomentumEncoder } from './concentration/momentum-encoder';
export type { MomentumEncoderOptions } from './concentration/momentum-encoder';

export type { Optimizer } from './optim/optimizer';
export { SGD } from './optim/sgd';
export type { GradScalerOptions, SGDOptions } from './optim/option-types';
export { clipGradNorm } from './optim/clip';
export { GradScaler } from './optim/grad-scaler';
export type { GradScalerState } from './optim/grad-scaler';

export { FaceDataset } from './data/face-dataset';
export type { DatasetSource, FaceDatasetOptions } from './data/face-dataset';
export type { FaceLayout } from './data/layout/face-layout';
export type { FaceSource } from './data/sources/source';
export { readFaceList } from './data/lists/face-list';
export type { FaceListEntry } from './data/lists/face-list';
export { Loader } from './data/loader/loader';
export type { Batch, LoaderOptions, WorkerCrash } from './data/loader/loader';
export type { AugmentChanges, AugmentOptions } from './data/augment';
export { Sampler } from './data/loader/sampler';
export type { SamplerOptions, ShuffleMode } from './data/loader/sampler';
export { readVerificationSet, writeVerificationSet } from './data/protocols/verification-set';
export type { VerificationSet } from './data/protocols/verification-set';
export { FaceDatasetWriter, writeFaceDataset } from './data/layout/face-dataset-writer';
export type { FaceDatasetWriterOptions } from './data/layout/face-dataset-writer';
export { alignFace, alignmentTransform, FACE_TEMPLATE, warpSimilarity } from './image/align';
export type { RgbImage } from './image/align';
export { estimateSimilarity } from './image/similarity';
export type { Point, Similarity } from './image/similarity';
export { inspectData } from './prepare/inspect';
export type { DataReport, InspectOptions } from './prepare/inspect';
export { packDataset } from './prepare/pack';
export type { PackOptions } from './prepare/pack';
export type { PackResult } from './prepare/pack-images';
export { unpackData } from './prepare/unpack';
export type { UnpackOptions, UnpackResult } from './prepare/unpack';
export { checkData } from './prepare/check';
export type { CheckOptions, CheckReport } from './prepare/check';
export {
  /** @deprecated since 0.1, use {@link checkData} */
  checkData as verifyData,
} from './prepare/check';
export type {
  /** @deprecated since 0.1, use {@link CheckOptions} */
  CheckOptions as VerifyOptions,
  /** @deprecated since 0.1, use {@link CheckReport} */
  CheckReport as VerifyReport,
} from './prepare/check';
export { splitDataset } from './prepare/split';
export type { SplitOptions, SplitResult } from './prepare/split';
export { makePairSet } from './prepare/pair-set';
export type { PairSetOptions, PairSetResult } from './prepare/pair-set';
export { alignImages } from './prepare/align-images';
export type { AlignOptions, AlignResult } from './prepare/align-images';
export { defaultSynthOptions, synthesize } from './synth';
export type { SynthHooks, SynthOptions } from './synth';

export { defineConfig, deriveConfig, loadConfig, resolveConfig } from './config';
export type { Config, ConfigChanges, ResolvedConfig } from './config';
export { Trainer } from './train/trainer';
export type {
  MarginStatistics,
  RunPlan,
  StepReport,
  TrainerHooks,
  TrainerOptions,
  TrainResult,
} from './train/events';
export { createSchedule } from './optim/schedule';
export { openCheckpoint, resolveCheckpoint } from './run/checkpoint';
export { loadBackbone } from './run/load-backbone';
export type { LoadBackboneOptions } from './run/load-backbone';

export { embedImages } from './eval/embed';
export type { Embeddings, EmbedOptions } from './eval/embed';
export { evaluateVerification } from './eval/verification';
export { evaluateEmbeddings } from './eval/metrics/verification';
export type { VerificationInput, VerificationResult } from './eval/metrics/verification';
export { rankCorrelation } from './eval/metrics/rank-correlation';
export { cuda } from './runtime/cuda';
export type { CudaDevice, CudaMemory } from './runtime/cuda';
