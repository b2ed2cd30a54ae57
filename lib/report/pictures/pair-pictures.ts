import { readFile } from 'node:fs/promises';
import path from 'node:path';

import { readVerificationSet } from '../../data/protocols/verification-set';
import { KappaError } from '../../errors';
import type { EvaluationRecord, RecordedPair } from '../../eval/records/record';
import { decodeInto, loadSharp } from '../../image/decode';

/** A pair with its pictures as data: URIs; undefined where a picture cannot be had. */
export interface PicturedPair extends RecordedPair {
  readonly pictures: readonly [string | undefined, string | undefined];
}

/** Sides of a picture, in pixels. */
const SIDE = 112;
const QUALITY = 80;

/**
 * The hardest pairs of an evaluation with their pictures, made small.
 *
 * @param most how many pairs of each kind
 * @throws KappaError `ERR_DATA_NOT_FOUND` where the data are not where the evaluation had them, `ERR_DATA_CORRUPT`, `ERR_IO`
 */
export async function picturePairs(record: EvaluationRecord, most: number): Promise<PicturedPair[]> {
  const ofKind = (isSame: boolean): RecordedPair[] =>
    (record.hardest ?? []).filter((pair) => pair.isSame === isSame).slice(0, most);
  const pairs = [...ofKind(false), ...ofKind(true)];
  if (pairs.length === 0) return [];
  const find = await finderOf(record.data);
  const pictured: PicturedPair[] = [];
  for (const pair of pairs)
    pictured.push({ ...pair, pictures: [await picture(find, pair.first), await picture(find, pair.second)] });
  return pictured;
}

/** Gives the encoded image that a pair names. */
type Find = (name: string) => Promise<Buffer | undefined>;

async function finderOf(data: string): Promise<Find> {
  if (data.endsWith('.bin')) {
    const { images } = await readVerificationSet(data);
    return (name) => Promise.resolve(/^\d+$/.test(name) ? images[Number(name)] : undefined);
  }
  const root = path.resolve(data);
  return async (name) => {
    const file = path.resolve(root, name);
    // An evaluation of somebody else must not show what lies elsewhere.
    if (!file.startsWith(root + path.sep)) return undefined;
    return readFile(file).catch(() => undefined);
  };
}

async function picture(find: Find, name: string): Promise<string | undefined> {
  const image = await find(name);
  if (image === undefined) return undefined;
  const pixels = new Uint8Array(SIDE * SIDE * 3);
  try {
    await decodeInto(image, pixels, { size: [SIDE, SIDE], resize: true }, name);
  } catch (error) {
    if (error instanceof KappaError) return undefined;
    throw error;
  }
  const sharp = await loadSharp();
  const raw = { width: SIDE, height: SIDE, channels: 3 as const };
  const jpeg = await sharp(pixels, { raw }).jpeg({ quality: QUALITY }).toBuffer();
  return `data:image/jpeg;base64,${jpeg.toString('base64')}`;
}
