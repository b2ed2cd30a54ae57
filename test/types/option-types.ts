// The types that users read are made from the schemas that values are checked by: npm run reference.
import type * as concentration from '../../lib/concentration/option-types';
import type { marginRuleOptions, memoryOptions, momentumOptions } from '../../lib/concentration/options';
import type { Config } from '../../lib/config/config';
import type { configSchema } from '../../lib/config/schema';
import type { DatasetSettings } from '../../lib/data/option-types';
import type { DataLoaderSettings, SamplerSettings } from '../../lib/data/loader/option-types';
import type { dataLoaderOptions, samplerOptions } from '../../lib/data/loader/options';
import type { datasetOptions } from '../../lib/data/options';
import type { FaceSource } from '../../lib/data/sources/option-types';
import type { sourceSection } from '../../lib/data/sources/options';
import type * as head from '../../lib/head/option-types';
import type {
  arcfaceOptions,
  combinedOptions,
  cosfaceOptions,
  kappafaceOptions,
} from '../../lib/head/options';
import type { IResNetOptions } from '../../lib/nn/option-types';
import type { iresnetOptions } from '../../lib/nn/options';
import type { GradScalerOptions, SGDOptions } from '../../lib/optim/option-types';
import type { gradScalerOptions, sgdOptions } from '../../lib/optim/options';
import type { Input, Schema } from '../../lib/options/schema';
import { holds, type Same } from './api/same';

/** A type whose lists and properties may be changed: what is only read says so in the types that users read. */
type Changeable<T> = { -readonly [K in keyof T]: Changeable<T[K]> };

/** Whether a type is what users write for a schema. */
type Written<T, S extends () => Schema> = Same<Changeable<T>, Changeable<Input<S>>>;

holds<Written<Config, typeof configSchema>>();

holds<Written<IResNetOptions, typeof iresnetOptions>>();
holds<Written<SGDOptions, typeof sgdOptions>>();
holds<Written<GradScalerOptions, typeof gradScalerOptions>>();

holds<Written<head.ArcFaceHeadOptions, typeof arcfaceOptions>>();
holds<Written<head.CosFaceHeadOptions, typeof cosfaceOptions>>();
holds<Written<head.CombinedMarginHeadOptions, typeof combinedOptions>>();
holds<Written<head.KappaFaceOptions, typeof kappafaceOptions>>();

holds<Written<concentration.MarginRule, typeof marginRuleOptions>>();
holds<Written<concentration.MemoryOptions, typeof memoryOptions>>();
holds<Written<concentration.MomentumOptions, typeof momentumOptions>>();

holds<Written<DatasetSettings, typeof datasetOptions>>();
holds<Written<FaceSource, typeof sourceSection>>();
holds<Written<SamplerSettings, typeof samplerOptions>>();
holds<Written<DataLoaderSettings, typeof dataLoaderOptions>>();
