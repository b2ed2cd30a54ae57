import { readFile, stat } from 'node:fs/promises';
import { KappaError, ioError } from '../../errors';
import { serveTasks } from '../task-worker';
import { convertImage, type ConvertOptions } from './convert-image';
import type { ConvertItem, ConvertReply, ConvertTask } from './image-tasks';

const MAX_FILE_BYTES = 256 << 20;

serveTasks(
  async ({ items, options }: ConvertTask): Promise<ConvertReply[]> => {
    const replies: ConvertReply[] = [];
    for (const item of items) replies.push(await convertFile(item, options));
    return replies;
  },
  (replies) => replies.flatMap((reply) => ('image' in reply ? [reply.image.buffer as ArrayBuffer] : [])),
);

async function convertFile(
  { file, points, problem }: ConvertItem,
  options: ConvertOptions,
): Promise<ConvertReply> {
  if (problem !== undefined) return { error: { code: 'ERR_DATA_NOT_FOUND', message: problem } };
  try {
    const image = await convertImage(await readImageFile(file), points, options, file);
    // Small buffers share memory, and shared memory cannot be handed over.
    return { image: Uint8Array.from(image) };
  } catch (error) {
    if (!(error instanceof KappaError)) throw error;
    return { error: { code: error.code, message: error.message } };
  }
}

async function readImageFile(file: string): Promise<Buffer> {
  try {
    const { size } = await stat(file);
    if (size > MAX_FILE_BYTES)
      throw new KappaError('ERR_DATA_CORRUPT', `${file}: ${size} bytes are too many for an image.`);
    return await readFile(file);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT')
      throw new KappaError('ERR_DATA_NOT_FOUND', `${file}: there is no such file.`, { cause: error });
    throw ioError(error, 'read', file);
  }
}
