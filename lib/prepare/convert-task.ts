import { KappaError, type KappaErrorCode } from '../errors';
import { convertImage, type ConvertOptions } from '../image/convert';
import { readImageFile } from '../image/read-file';
import type { LandmarkDoubt } from '../image/landmark-check';
import type { Point } from '../image/similarity';

/** An image to convert. */
export interface ConvertItem {
  /** The file to read. */
  file: string;
  /** Landmarks to align by. */
  points?: readonly Point[];
  /** What is wrong with it, where that is known already. */
  problem?: string;
}

/** Images that a worker converts in one go. */
export interface ConvertTask {
  items: ConvertItem[];
  options: ConvertOptions;
}

/** What a worker answers for one image; errors lose their class on the way. */
export type ConvertReply =
  | { image: Uint8Array; doubt?: { kind: LandmarkDoubt; file: string } }
  | { error: { code: KappaErrorCode; message: string } };

/** Reads and converts the images of a task. */
export async function runConvertTask({ items, options }: ConvertTask): Promise<ConvertReply[]> {
  const replies: ConvertReply[] = [];
  for (const item of items) replies.push(await convertFile(item, options));
  return replies;
}

async function convertFile(
  { file, points, problem }: ConvertItem,
  options: ConvertOptions,
): Promise<ConvertReply> {
  if (problem !== undefined) return { error: { code: 'ERR_DATA_NOT_FOUND', message: problem } };
  try {
    let doubt: LandmarkDoubt | undefined;
    const image = await convertImage(readImageFile(file), points, options, file, (found) => (doubt = found));
    // Small buffers share memory, and shared memory cannot be handed over.
    return { image: Uint8Array.from(image), ...(doubt && { doubt: { kind: doubt, file } }) };
  } catch (error) {
    if (!(error instanceof KappaError)) throw error;
    return { error: { code: error.code, message: error.message } };
  }
}
