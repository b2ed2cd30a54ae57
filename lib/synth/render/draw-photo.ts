import { compressSync, FORMAT_RGB, SAMP_420, SAMP_444 } from '@julusian/jpeg-turbo';
import { drawIdentity } from './identity';
import type { SynthPerson } from '../plan';
import { SynthRandom } from '../random';
import { FACE_SIZE } from './picture';
import { renderFace } from './render-face';
import { drawVariation } from './variation';

/** Draws all photographs of a person as JPEG files; the bytes depend on the seed and the person alone. */
export function drawPhotos(seed: number, { person, difficulty, images }: SynthPerson): Buffer[] {
  const identity = drawIdentity(seed, person);
  return Array.from({ length: images }, (_, image) => {
    const variation = drawVariation(new SynthRandom(seed, 0x13a6e, person, image), identity, difficulty);
    const { quality } = variation.camera;
    const encoded = compressSync(renderFace(identity, variation), {
      format: FORMAT_RGB,
      width: FACE_SIZE,
      height: FACE_SIZE,
      quality,
      subsampling: quality > 85 ? SAMP_444 : SAMP_420,
    });
    return Buffer.from(encoded);
  });
}
