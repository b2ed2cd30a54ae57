import { mkdirSync, writeFileSync } from 'node:fs';
import path from 'node:path';

import { FACE_TEMPLATE } from '../../lib/image/align';

/** Lines of the files of a set. */
export interface IjbLines {
  faces: string[];
  points: string[];
  pairs: string[];
}

/** Landmarks of a face that is aligned already, in an image of 112 x 112 pixels. */
export const ALIGNED = FACE_TEMPLATE.flat().join(' ');

/** Writes a set in the form in which insightface distributes it. */
export function writeIjbSet(root: string, lines: IjbLines): void {
  mkdirSync(path.join(root, 'meta'), { recursive: true });
  const write = (ending: string, all: string[]): void =>
    writeFileSync(path.join(root, 'meta', `ijbc_${ending}.txt`), `${all.join('\n')}\n`);
  write('face_tid_mid', lines.faces);
  write('name_5pts_score', lines.points);
  write('template_pair_label', lines.pairs);
}
