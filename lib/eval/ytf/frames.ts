import path from 'node:path';

import { folderEntries } from '../../data/lists/image-files';
import type { Landmarks } from '../../data/lists/landmarks';
import { KappaError } from '../../errors';
import { shuffle, Xoshiro128 } from '../../random';
import type { NamedFile } from '../embedding/open-faces';

/** Which frames of a video are taken. */
export type FrameChoice =
  | { kind: 'all' }
  /** The first `count`; or `count` drawn at random, the same for the same seed. */
  | { kind: 'first' | 'random'; count: number; seed?: number }
  /** Every `count`-th, beginning with the first. */
  | { kind: 'every'; count: number };

/** The videos that are needed, with the frames that are taken of each. */
export interface VideoFrames {
  /** [V] frames, none of videos that are missing. */
  readonly frames: readonly (readonly NamedFile[])[];
  /** Videos that are not there, or have no frame that can be used. */
  readonly missing: readonly string[];
  /** Frames without landmarks, where landmarks are needed. */
  readonly dropped: number;
}

/**
 * Lists the frames of videos: the images of `root/SUBJECT/VIDEO`, in the order of their numbers. With landmarks, frames
 * that have none are dropped.
 *
 * @param videos `Subject_Name/0`
 * @throws KappaError `ERR_DATA_NOT_FOUND` where the root is not there, `ERR_IO`
 */
export async function listFrames(
  root: string,
  videos: readonly string[],
  choice: FrameChoice,
  landmarks?: Landmarks,
): Promise<VideoFrames> {
  await folderEntries(root);
  const missing: string[] = [];
  let dropped = 0;
  const frames: NamedFile[][] = [];
  for (const [v, video] of videos.entries()) {
    const folder = path.join(root, video);
    const { images } = await folderEntries(folder).catch((error: unknown) => {
      if (error instanceof KappaError && error.code === 'ERR_DATA_NOT_FOUND') return { images: [] };
      throw error;
    });
    const found = images.map((name) => ({ name: `${video}/${name}`, file: path.join(folder, name) }));
    const usable = landmarks ? found.filter(({ name }) => landmarks.find(name)) : found;
    dropped += found.length - usable.length;
    if (usable.length === 0) missing.push(video);
    frames.push(chooseFrames(usable.sort(byFrame), choice, v));
  }
  return { frames, missing, dropped };
}

/** The names of features by the videos that they are frames of, chosen like files. */
export function framesOfNames(
  names: readonly string[],
  videos: readonly string[],
  choice: FrameChoice,
): VideoFrames {
  const byVideo = new Map<string, NamedFile[]>(videos.map((video) => [video, []]));
  for (const name of names) byVideo.get(path.posix.dirname(name))?.push({ name, file: name });
  const all = videos.map((video) => byVideo.get(video)!);
  return {
    frames: all.map((found, v) => chooseFrames(found.sort(byFrame), choice, v)),
    missing: videos.filter((_, v) => all[v]!.length === 0),
    dropped: 0,
  };
}

function chooseFrames(found: readonly NamedFile[], choice: FrameChoice, video: number): NamedFile[] {
  if (choice.kind === 'all') return [...found];
  if (choice.kind === 'first') return found.slice(0, choice.count);
  if (choice.kind === 'every') return found.filter((_, i) => i % choice.count === 0);
  const order = Uint32Array.from(found, (_, i) => i);
  shuffle(order, Xoshiro128.fromSeed(choice.seed ?? 0, video));
  return Array.from(order.subarray(0, choice.count).sort(), (i) => found[i]!);
}

/** By the frame's number, the last one in its name: `aligned_detect_0.555.jpg`. */
function byFrame(a: NamedFile, b: NamedFile): number {
  const number = ({ name }: NamedFile): number =>
    Number(/(\d+)\D*$/.exec(path.posix.parse(name).name)?.[1] ?? -1);
  return number(a) - number(b) || (a.name < b.name ? -1 : 1);
}

/** A choice in words, as `--frames` takes it. */
export function describeFrames(choice: FrameChoice): string {
  if (choice.kind === 'all') return 'all';
  return `${choice.kind}${choice.count}${choice.kind === 'random' ? ` (seed ${choice.seed ?? 0})` : ''}`;
}
