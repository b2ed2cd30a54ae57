import { Option, type Command } from 'commander';
import { cropSquare, wholeNumber } from '../flags';

export const WORKERS_DOC = 'worker threads, 0 for none (default: one for each core, at most 16)';
export const LANDMARKS_DOC = 'file with landmarks: path x1 y1 x2 y2 ... a line, 5 or 68 points';
export const OVERWRITE_DOC = 'replace what is there already';

/** The flags of what is done to each image. */
export function addConversion(command: Command): Command {
  return command
    .option('--size <pixels>', 'side of the images (default: 112)', wholeNumber)
    .option('--resize', 'bring images of another size to it instead of refusing them')
    .option('--crop <square>', 'cut out first: centre (half the shorter side), or left,top,side', cropSquare)
    .addOption(formatOption('encode anew in this format (default: bytes pass through where they can)'))
    .option('--quality <number>', 'encode anew with this quality, 1 to 100', wholeNumber);
}

export function formatOption(doc: string): Option {
  return new Option('--format <name>', doc).choices(['jpeg', 'png', 'webp']);
}
