import { open } from 'node:fs/promises';
import { KappaError, ioError } from '../errors';

const MAX_LINE = 1 << 20;

/**
 * Reads a text file line by line, without its line ends; a byte order mark is dropped. However large the file, only one
 * line at a time is in memory.
 * @throws KappaError ERR_DATA_NOT_FOUND, ERR_IO, ERR_DATA_CORRUPT for a line that is no line of text
 */
export async function* readLines(file: string): AsyncGenerator<{ text: string; number: number }> {
  let handle;
  try {
    handle = await open(file, 'r');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT')
      throw new KappaError('ERR_DATA_NOT_FOUND', `There is no file ${file}.`, { cause: error });
    throw ioError(error, 'open', file);
  }
  try {
    const decoder = new TextDecoder();
    let [rest, number] = ['', 0];
    const tooLong = () =>
      new KappaError('ERR_DATA_CORRUPT', `${file}, line ${number + 1}: longer than a line of text can be.`);
    for await (const chunk of handle.createReadStream({ autoClose: false })) {
      const lines = (rest + decoder.decode(chunk as Buffer, { stream: true })).split('\n');
      rest = lines.pop()!;
      for (const line of lines) {
        if (line.length > MAX_LINE) throw tooLong();
        yield { text: line.endsWith('\r') ? line.slice(0, -1) : line, number: ++number };
      }
      if (rest.length > MAX_LINE) throw tooLong();
    }
    rest += decoder.decode();
    if (rest !== '') yield { text: rest.endsWith('\r') ? rest.slice(0, -1) : rest, number: ++number };
  } catch (error) {
    throw ioError(error, 'read', file);
  } finally {
    await handle.close();
  }
}
