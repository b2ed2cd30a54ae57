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
} from './runtime';
export { readSafetensors, writeSafetensors } from './io/safetensors';

export { IResNet } from './nn/iresnet';
export type { IResNetDepth, IResNetOptions } from './nn/iresnet';
export type { NamedTensors, Stateful } from './nn/module';

export { MarginHead } from './head/margin-head';
export type { ForwardOptions, MarginHeadOptions } from './head/margin-head';
export { ArcFaceHead } from './head/arcface-head';
export { CosFaceHead } from './head/cosface-head';
export { CombinedMarginHead } from './head/combined-margin-head';
export type { CombinedMarginHeadOptions } from './head/combined-margin-head';
export { KappaFaceHead } from './head/kappaface-head';
export type { ConcentrationOptions, KappaFaceHeadOptions } from './head/kappaface-head';

export { computeClassMargins } from './concentration/margins';
export type { ClassMargins, MarginRule } from './concentration/margins';
export type { ConcentrationEstimator, ObservedBatch } from './concentration/estimator';
export { MemoryBuffer } from './concentration/memory-buffer';
export type { MemoryBufferOptions } from './concentration/memory-buffer';
export { MomentumEncoder } from './concentration/momentum-encoder';
export type { MomentumEncoderOptions } from './concentration/momentum-encoder';

export { SGD } from './optim/sgd';
export type { SGDOptions } from './optim/sgd';
export { clipGradNorm } from './optim/clip';
export { GradScaler } from './optim/grad-scaler';
export type { GradScalerOptions, GradScalerState } from './optim/grad-scaler';

export { FaceDataset } from './data/face-dataset';
export type { DatasetSource, FaceDatasetOptions } from './data/face-dataset';
export type { FaceLayout } from './data/face-layout';
export type { FaceSource } from './data/face-source';
export { readFaceList } from './data/face-list';
export type { FaceListEntry } from './data/face-list';
export { Loader } from './data/loader';
export type { Batch, LoaderOptions, WorkerCrash } from './data/loader';
export type { AugmentChanges, AugmentOptions } from './data/augment';
export { Sampler } from './data/sampler';
export type { SamplerOptions, ShuffleMode } from './data/sampler';
export { readVerificationSet, writeVerificationSet } from './data/verification-set';
export type { VerificationSet } from './data/verification-set';
export { writeFaceDataset } from './data/write-face-dataset';
export { FaceDatasetWriter } from './data/face-dataset-writer';
export type { FaceDatasetWriterOptions } from './data/face-dataset-writer';
export { alignFace, alignmentTransform, FACE_TEMPLATE, warpSimilarity } from './data/align';
export type { RgbImage } from './data/align';
export { estimateSimilarity } from './data/similarity';
export type { Point, Similarity } from './data/similarity';
export { inspectData } from './data/inspect';
export type { DataReport, InspectOptions } from './data/inspect';
export { packDataset } from './data/tools/pack';
export type { PackOptions } from './data/tools/pack';
export type { PackResult } from './data/tools/pack-images';
export { unpackData } from './data/tools/unpack';
export type { UnpackOptions, UnpackResult } from './data/tools/unpack';
export { verifyData } from './data/tools/verify';
export type { VerifyOptions, VerifyReport } from './data/tools/verify';
export { splitDataset } from './data/tools/split';
export type { SplitOptions, SplitResult } from './data/tools/split';
export { makePairSet } from './data/tools/pair-set';
export type { PairSetOptions, PairSetResult } from './data/tools/pair-set';
export { alignImages } from './data/tools/align-images';
export type { AlignOptions, AlignResult } from './data/tools/align-images';
export { defaultSynthOptions, synthesize } from './data/synth';
export type { SynthHooks, SynthOptions } from './data/synth';

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
export { createSchedule } from './train/schedule';
export { openCheckpoint, resolveCheckpoint } from './train/checkpoint';

export { embedImages } from './eval/embed';
export type { Embeddings, EmbedOptions } from './eval/embed';
export { evaluateVerification } from './eval/evaluate-verification';
export { evaluateEmbeddings } from './eval/verification';
export type { VerificationInput, VerificationResult } from './eval/verification';
export { rankCorrelation } from './eval/rank-correlation';
export { cuda } from './cuda';
export type { CudaDevice, CudaMemory } from './cuda';
