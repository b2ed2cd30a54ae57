import { setImmediate as yieldToEvents } from 'node:timers/promises';
import { KappaError, ioError } from '../errors';
import { loadSharp } from '../image/decode';
import { drawPhotos } from './render/draw-photo';
import type { SynthOptions } from './options';
import { planSynthSet } from './plan';
import { FACE_SIZE } from './render/picture';

/**
 * Writes a PNG with one row for each person, from the least to the most difficult, so that a set can be judged
 * at a glance. The photographs are those of the set itself.
 *
 * @throws KappaError `ERR_IO`, `ERR_CANCELLED`.
 */
export async function writeContactSheet(
  file: string,
  options: SynthOptions,
  { rows = 8, columns = 10, signal }: { rows?: number; columns?: number; signal?: AbortSignal } = {},
): Promise<void> {
  const people = planSynthSet(options)
    .train.filter((person) => person.images >= Math.min(columns, options.maxImages))
    .sort((a, b) => a.difficulty - b.difficulty);
  const count = Math.min(rows, people.length);
  const chosen = Array.from(
    { length: count },
    (_, row) => people[Math.round((row * (people.length - 1)) / Math.max(1, count - 1))]!,
  );
  const tiles: { input: Buffer; left: number; top: number }[] = [];
  for (const [row, person] of chosen.entries()) {
    const photos = drawPhotos(options.seed, { ...person, images: Math.min(columns, person.images) });
    for (const [column, input] of photos.entries())
      tiles.push({ input, left: column * FACE_SIZE, top: row * FACE_SIZE });
    await yieldToEvents();
    if (signal?.aborted) throw new KappaError('ERR_CANCELLED', `Drawing ${file} was interrupted.`);
  }
  const sharp = await loadSharp();
  try {
    await sharp({
      create: { width: columns * FACE_SIZE, height: count * FACE_SIZE, channels: 3, background: '#ffffff' },
    })
      .composite(tiles)
      .png()
      .toFile(file);
  } catch (error) {
    throw ioError(error, 'write the contact sheet', file);
  }
}
