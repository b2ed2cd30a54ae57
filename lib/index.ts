/**
 * Deep face recognition for Node.js on LibTorch: backbones, margin heads, concentration, data, training, evaluation.
 *
 * @packageDocumentation
 */
import { lazyFunction } from './lazy';

export { KappaError } from './errors';
export type { KappaErrorCode } from './errors';

export { Tensor } from './tensor/tensor';
export type { DeviceOptions, TensorOptions } from './tensor/tensor';
export type { Dims, Operand, TensorLike, TensorOperations, TensorPromise } from './tensor/tensor-operations';
export { liveTensors } from './tensor/core';
export { scope } from './tensor/scope';
export type {
  BuildInfo,
  DType,
  GradientCompression,
  GroupReduction,
  HostArray,
  HostElements,
  LayerTrace,
  LayerValues,
  LiveTensors,
  MemoryUse,
  Precision,
} from './native/contract';
export type { HostData } from './tensor/elements';
export type { NestedNumbers } from './tensor/host';
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
export type {
  CommonHeadOptions,
  ForwardOptions,
  HeadCounters,
  MarginRecipe,
  SpreadOptions,
} from './head/margin-head';
export { ArcFaceHead } from './head/arcface-head';
export { CosFaceHead } from './head/cosface-head';
export { CombinedMarginHead } from './head/combined-margin-head';
export type {
  ArcFaceHeadOptions,
  CombinedMarginHeadOptions,
  CosFaceHeadOptions,
  KappaFaceOptions,
  /** @deprecated use {@link ArcFaceHeadOptions} */
  ArcFaceHeadOptions as MarginHeadOptions,
} from './head/option-types';
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

export { ProcessGroup } from './distributed/process-group';
export type { GroupPlace, GroupSettings } from './distributed/process-group';
export { GradientReducer } from './distributed/gradient-reducer';
export type { GradientReducerOptions } from './distributed/gradient-reducer';
export type { RankGroup } from './distributed/rank-group';
export type { ClassRange } from './distributed/class-range';
export type { GroupTraffic } from './native/contract';

export type { Optimizer } from './optim/optimizer';
export { SGD } from './optim/sgd';
export type { GradScalerOptions, SGDOptions } from './optim/option-types';
export { clipGradNorm } from './optim/clip';
export { GradScaler } from './optim/grad-scaler';
export type { GradScalerState } from './optim/grad-scaler';

export { FaceDataset } from './data/face-dataset';
export type { DatasetSource, FaceDatasetOptions } from './data/face-dataset';
export type { FaceLayout } from './data/layout/face-layout';
export type { RecordLayout } from './data/layout/face-records';
export type { Sample } from './data/sample-reader';
export type { FileStore, RecordStore, SampleTable, TableSource } from './data/sample-table';
export type { FaceSource } from './data/sources/option-types';
export { readFaceList } from './data/lists/face-list';
export type { FaceListEntry } from './data/lists/face-list';
export type { BadSample } from './data/lists/skip-list';
export {
  DataLoader,
  /** @deprecated use {@link DataLoader} */
  DataLoader as Loader,
} from './data/loader/data-loader';
export type { SkippedSample } from './data/loader/decode-task';
export type { Batch, DataLoaderOptions, WorkerCrash } from './data/loader/data-loader';
export type {
  /** @deprecated use {@link DataLoaderOptions} */
  DataLoaderOptions as LoaderOptions,
} from './data/loader/data-loader';
export type { AugmentChanges, AugmentOptions } from './data/augment';
export { Sampler } from './data/loader/sampler';
export type { SamplerOptions, ShuffleMode } from './data/loader/sampler';
export { readVerificationSet, writeVerificationSet } from './data/protocols/verification-set';
export type { VerificationSet } from './data/protocols/verification-set';
export { FaceDatasetWriter, writeFaceDataset } from './data/layout/face-dataset-writer';
export type { FaceDatasetWriterOptions, WriteFaceDatasetOptions } from './data/layout/face-dataset-writer';
export { alignFace, alignmentTransform, FACE_TEMPLATE, warpSimilarity } from './image/align';
export type { RgbImage } from './image/align';
export { estimateSimilarity } from './image/similarity';
export type { Point, Similarity } from './image/similarity';
export type { Crop } from './image/convert';
export type { ImageFormat } from './image/format';
export {
  alignImages,
  checkData,
  inspectData,
  makePairSet,
  packDataset,
  splitDataset,
  unpackData,
  verifyData,
} from './prepare';
export type {
  AlignOptions,
  AlignResult,
  CheckOptions,
  CheckReport,
  DataReport,
  DatasetReport,
  CorruptImage,
  HistogramBin,
  ImageSurvey,
  InspectOptions,
  PackOptions,
  PackResult,
  PairSetOptions,
  PairSetResult,
  SplitOptions,
  SplitResult,
  UnpackOptions,
  UnpackResult,
  VerificationReport,
  /** @deprecated use {@link CheckOptions} */
  CheckOptions as VerifyOptions,
  /** @deprecated use {@link CheckReport} */
  CheckReport as VerifyReport,
} from './prepare';
export { defaultSynthOptions } from './synth/options';
export type { SynthOptions } from './synth/options';
/** Draws a synthetic face set in insightface's layout: training identities and verification pairs of others. */
export const synthesize = lazyFunction(async () => (await import('./synth/synthesize')).synthesize);
export type { SynthHooks, SynthProgress } from './synth/synthesize';

export { defineConfig, deriveConfig } from './config/define';
export type { Config } from './config/config';
export type { ConfigChanges } from './config/define';
export { loadConfig } from './config/load';
export type { ResolvedConfig } from './config/schema';
export { resolveConfig } from './config/validate';
export { Trainer } from './train/trainer';
export type { DryRunReport } from './train/dry-run';
export type { MemoryNeed } from './train/memory-need';
export type {
  MarginStatistics,
  RunPlan,
  StepReport,
  TrainerHooks,
  TrainerOptions,
  TrainResult,
} from './train/events';
export type { DifficultyReport } from './train/difficulty';
export type { StepResult } from './train/step';
export type { ValidationResult } from './run/run-state';
export { createSchedule } from './optim/schedule';
export type { ScheduleOptions } from './optim/schedule';
export { resolveCheckpoint } from './run/checkpoint';
export { openCheckpoint } from './run/checkpoint-reader';
export type { LoadedCheckpoint, RowRange, RowsOf } from './run/checkpoint-reader';
export { loadBackbone } from './run/load-backbone';
export type { LoadBackboneOptions } from './run/load-backbone';

export { embedImages } from './eval/embed';
export type { Embeddings, EmbedOptions } from './eval/embed';
export { evaluateVerification } from './eval/verification';
export type { VerificationOptions } from './eval/verification';
export {
  compareFaces,
  compareRecords,
  embedFiles,
  embedIjb,
  evaluateGroups,
  evaluateIjbIdentification,
  evaluateIjbVerification,
  evaluateLfw,
  evaluateMegaface,
  evaluateYtf,
  examineInput,
  openFaces,
  openFeatureFiles,
  openFeatureTable,
  openMegaface,
  pairFiles,
  pairRoc,
  poolIjb,
  readIjb,
  readIjbIdentification,
  readLandmarks,
  readMegafaceNoises,
  readMegafaceProbes,
  readMegafaceTemplates,
  readNamedFeatures,
  readNpy,
  readOpencvMatrix,
  readPairList,
  readRecord,
  readRecords,
  readYtfSplits,
  recordIjbIdentification,
  recordIjbVerification,
  recordVerification,
  scorePairs,
  shuffleDistractors,
  storeFeatures,
  topRows,
  writeMegafaceFiles,
  writeNpy,
  writeOpencvMatrix,
  writeRecord,
} from './eval/benchmarks';
export type * from './eval/records/record';

/** Writes a page about runs: curves of training, margins, evaluations. */
export const writeReport = lazyFunction(async () => (await import('./report/report')).writeReport);

/** The tables of runs' evaluations in Markdown, beside those of the paper. */
export const reportTables = lazyFunction(async () => (await import('./report/report')).reportTables);
export type { ReportOptions } from './report/report';
export type { NumberDifference, Verdict } from './eval/uncertainty/difference';
export type { DrawOptions } from './eval/uncertainty/draws';
export type { IjbFacts } from './eval/ijb/record';
export type { MegafaceCounts, MegafaceData, MegafaceOptions, MegafaceResult } from './eval/megaface/evaluate';
export type { MegafacePlaces, OpenMegafaceOptions } from './eval/megaface/open-data';
export type { MegafaceDistractors, MegafaceProbes, MegafaceSetOptions } from './data/protocols/megaface';
export type { MegafaceNoises } from './data/protocols/megaface-lists';
export type { DevkitNames } from './eval/megaface/devkit-files';
export type { DevkitCurve, MegafaceSizeResult } from './eval/megaface/size-result';
export type { MatePairs, RankOptions } from './eval/distractor-ranks';
export type { Curve } from './eval/metrics/thinned-curve';
export type { TopRows } from './eval/top-rows';
export type { FeatureRows } from './io/feature-rows';
export type { ComparedFace, CompareOptions, ComparisonVerdict, FaceComparison } from './eval/compare';
export { referenceOfPairs, referenceOfRecord } from './eval/reference-scores';
export type { ReferenceScores } from './eval/reference-scores';
export type { EmbeddingRun } from './eval/embedding/embed-faces';
export type { FaceInput, FaceInputs } from './eval/embedding/face-inputs';
export type { NamedFile, OpenedFaces, OpenFacesOptions } from './eval/embedding/open-faces';
export type { StoredFeatures, StoreFeaturesOptions } from './eval/embedding/store-features';
export type { EmbedFilesOptions, NamedFeatures } from './eval/named-features';
export type { LfwResult } from './eval/lfw';
export type { ListedPair } from './data/protocols/listed-pair';
export type { PairList, PairListForm } from './data/protocols/pair-list';
export type { Landmarks } from './data/lists/landmarks';
export type { VideoPair, YtfSplits } from './data/protocols/ytf';
export type { VideoComparison, YtfResult } from './eval/ytf/evaluate';
export type { FrameChoice } from './eval/ytf/frames';
export type { EvaluateYtfOptions } from './eval/ytf/embed';
export type { CommonThreshold, ErrorRates, GroupedPairs, GroupsResult } from './eval/groups/evaluate';
export type { ColourMeans, InputDoctorOptions, InputDoctorResult, TriedVariant } from './eval/doctor/doctor';
export type { Fold } from './eval/metrics/folds';
export type { PairVerification } from './eval/metrics/pair-verification';
export type { VideoPooling } from './eval/metrics/video-pooling';
export type { ScoredPairs } from './eval/metrics/scored-pairs';
export type { OpencvMatrix } from './io/opencv-matrix';
export type { EmbedIjbOptions } from './eval/ijb/embed';
export type { IjbFeatures, IjbVerificationResult } from './eval/ijb/verify';
export type { IjbIdentificationOptions, IjbIdentificationResult } from './eval/ijb/identify';
export { IJB_FARS, ijbRules, ijbVariant } from './eval/metrics/ijb-rules';
export type { IjbRule } from './eval/metrics/ijb-rules';
export type {
  CorrectedGallery,
  CorrectedIdentification,
  LegacyIdentification,
  MeanPoint,
  RankShares,
  TpirPoint,
} from './eval/metrics/identification';
export { areaUnderPairRoc, nearestFar } from './eval/metrics/pair-roc';
export type { OperatingPoint, PairRoc } from './eval/metrics/pair-roc';
export type { PairRocOptions } from './eval/pair-roc';
export type { IjbCounts, IjbFaces, IjbName, IjbPairs, IjbSet, ReadIjbOptions } from './data/protocols/ijb';
export type { IjbIdentification, IjbIdentities } from './data/protocols/ijb-identification';
export type { NpyMatrix } from './io/npy';
export { evaluateEmbeddings } from './eval/metrics/verification';
export type { VerificationInput, VerificationResult } from './eval/metrics/verification';
export { rankCorrelation } from './eval/metrics/rank-correlation';
export type { PrecisionChoice } from './runtime/precision';
export { cpu } from './runtime/cpu';
export { cuda } from './runtime/cuda';
export type { CudaDevice } from './runtime/cuda';
