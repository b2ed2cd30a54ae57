export { writeContactSheet } from './contact-sheet';
export { ensureSynthSet } from './ensure';
export { drawIdentity, type FaceIdentity } from './render/identity';
export { defaultSynthOptions, resolveSynthOptions, SYNTH_VERSION, type SynthOptions } from './options';
export { planSynthSet, type SynthPair, type SynthPerson, type SynthPlan } from './plan';
export { FACE_SIZE } from './render/picture';
export { renderFace } from './render/render-face';
export {
  SYNTH_IDENTITIES_FILE,
  SYNTH_VERIFICATION_FILE,
  synthesize,
  type SynthHooks,
  type SynthIdentities,
  type SynthProgress,
} from './synthesize';
export { drawVariation, type FaceVariation } from './render/variation';
