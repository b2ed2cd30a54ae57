import { KappaError } from '../../errors';
import { readLines } from '../../files/lines';
import { badLine } from './listed-pair';

/** A pair of videos of YouTube Faces. */
export interface VideoPair {
  /** Index of each video among `videos`. */
  first: number;
  second: number;
  isSame: boolean;
}

/** The pairs of YouTube Faces, fold by fold. */
export interface YtfSplits {
  /** `Subject_Name/0`, in the order in which they come. */
  videos: string[];
  pairs: VideoPair[];
  /** The first pair of each split, and the one after its last. */
  folds: { start: number; end: number }[];
}

/**
 * Reads the pairs of YouTube Faces: `splits.txt`, `splits_corrected.txt` or `splits2.txt`. A line is split, number, video,
 * video, `0|1`, separated by commas; the first line is a heading.
 *
 * @throws KappaError `ERR_DATA_NOT_FOUND`, `ERR_DATA_CORRUPT` with the line's number, `ERR_IO`
 */
export async function readYtfSplits(file: string): Promise<YtfSplits> {
  const found: YtfSplits = { videos: [], pairs: [], folds: [] };
  const numbers = new Map<string, number>();
  const video = (name: string): number => {
    let number = numbers.get(name);
    if (number === undefined) {
      numbers.set(name, (number = found.videos.length));
      found.videos.push(name);
    }
    return number;
  };
  const seen = new Set<string>();
  let current: string | undefined;
  for await (const { text, number } of readLines(file, { expected: 'the splits of YouTube Faces' })) {
    if (text.trim() === '' || /^\s*split/i.test(text)) continue;
    const fields = text.split(',').map((field) => field.trim());
    const [split = '', , first = '', second = '', answer = ''] = fields;
    const isVideo = (name: string): boolean => /^[^/\\]+\/\d+$/.test(name);
    if (
      fields.length < 5 ||
      !/^\d{1,9}$/.test(split) ||
      !isVideo(first) ||
      !isVideo(second) ||
      !/^[01]$/.test(answer)
    )
      throw badLine(
        file,
        number,
        '"split, number, Name/video, Name/video, 0|1"',
        `but found ${JSON.stringify(text.slice(0, 100))}`,
      );
    if (split !== current) {
      if (seen.has(split))
        throw new KappaError(
          'ERR_DATA_CORRUPT',
          `${file}, line ${number}: split ${split} goes on after another one; each split is a fold, with its pairs one after the other.`,
        );
      seen.add(split);
      current = split;
      found.folds.push({ start: found.pairs.length, end: found.pairs.length });
    }
    found.pairs.push({ first: video(first), second: video(second), isSame: answer === '1' });
    found.folds.at(-1)!.end = found.pairs.length;
  }
  if (found.folds.length < 2)
    throw new KappaError(
      'ERR_DATA_CORRUPT',
      `${file} has ${found.pairs.length} pairs in ${found.folds.length} splits; at least two splits are needed, ten are usual.`,
    );
  return found;
}

/** The person of a video. */
export function subjectOf(video: string): string {
  return video.slice(0, video.indexOf('/'));
}
