import { createHash, type Hash } from 'node:crypto';

import type { Backbone } from '../../nn/backbone';
import { scope } from '../../tensor/scope';
import type { FaceInputs } from './face-inputs';

const WORDS = 16;

/**
 * What tells a backbone from others: SHA-256 of its shape, its arithmetic and all of its weights.
 *
 * @returns hexadecimal
 */
export async function fingerprintOfModel(backbone: Backbone): Promise<string> {
  const hash = createHash('sha256');
  const { device: _, ...shape } = backbone.options as unknown as Record<string, unknown>;
  hash.update(JSON.stringify(Object.entries(shape).sort(([a], [b]) => (a < b ? -1 : 1))));
  for (const [name, tensor] of backbone.stateDict())
    await scope(async () => {
      hash.update(`${name} ${tensor.shape.join('x')}\n`);
      const values = await tensor.toTypedArray();
      hash.update(new Uint8Array(values.buffer, values.byteOffset, values.byteLength));
    });
  return hash.digest('hex');
}

/**
 * What tells faces from others: SHA-256 of their names, files, landmarks, what is cut out of them, and the bytes of images
 * in memory. Of files only the paths count.
 *
 * @returns hexadecimal
 */
export function fingerprintOfFaces(inputs: FaceInputs): string {
  const hash = createHash('sha256');
  addInputs(hash, inputs);
  return hash.digest('hex');
}

function addInputs(hash: Hash, inputs: FaceInputs): void {
  hash.update(JSON.stringify([inputs.length, inputs.crop ?? null, inputs.identity ?? null]));
  for (let i = 0; i < inputs.length; i++) hash.update(`${inputs.nameOf(i)}\n`);
  if (inputs.parts) for (const part of inputs.parts) addInputs(hash, part);
  else if (inputs.identity === undefined)
    for (let i = 0; i < inputs.length; i++) {
      const { file, bytes, points } = inputs.at(i);
      if (file !== undefined) hash.update(`${file}\n`);
      if (bytes !== undefined) hash.update(bytes);
      if (points !== undefined) hash.update(JSON.stringify(points));
    }
}

/** A fingerprint as numbers that float32 holds exactly, 16 bits each. @param fingerprint hexadecimal; zeros for none */
export function fingerprintWords(fingerprint: string | undefined): Float32Array {
  const words = new Float32Array(WORDS);
  if (fingerprint === undefined) return words;
  const bytes = createHash('sha256').update(fingerprint).digest();
  for (let i = 0; i < WORDS; i++) words[i] = bytes.readUInt16LE(2 * i);
  return words;
}
