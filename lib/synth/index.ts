export { writeContactSheet } from './contact-sheet';
export { ensureSynthSet } from './ensure';
export { drawIdentity } from './render/identity';
export { defaultSynthOptions, resolveSynthOptions } from './options';
export { planSynthSet } from './plan';
export { FACE_SIZE } from './render/picture';
export { renderFace } from './render/render-face';
export { SYNTH_VERIFICATION_FILE, synthesize, type SynthIdentities } from './synthesize';
export { drawVariation } from './render/variation';
