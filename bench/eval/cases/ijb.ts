import { readFileSync } from 'node:fs';
import path from 'node:path';

import {
  IJB_FARS,
  Tensor,
  nearestFar,
  pairRoc,
  poolIjb,
  readNpy,
  scope,
  scorePairs,
  synchronize,
} from '../../../lib';
import type { IjbSet } from '../../../lib';

/** What IJB 1:1 took, of ours and of the peer. */
export interface IjbFigures {
  /** Seconds of pooling templates, scoring pairs, and the ROC. */
  pool: number;
  score: number;
  roc: number;
  tars: number[];
  peakBytes: number;
}

/** IJB 1:1 by this library, from what `peer.py make-ijb` wrote. */
export async function measureIjb(folder: string): Promise<IjbFigures> {
  const bytes = (name: string): ArrayBuffer => {
    const { buffer, byteOffset, byteLength } = readFileSync(path.join(folder, name));
    return buffer.slice(byteOffset, byteOffset + byteLength) as ArrayBuffer;
  };
  const integers = (name: string): Int32Array => new Int32Array(bytes(name));
  const { data, rows, columns } = await readNpy(path.join(folder, 'features.npy'));
  const templates = integers('templates.i32');
  const names = { length: rows } as string[];
  const set: IjbSet = {
    name: 'ijbc',
    root: folder,
    faces: {
      names,
      templates,
      templateIds: Int32Array.from({ length: 1 + templates.at(-1)! }, (_, i) => i),
      media: integers('media.i32'),
      landmarks: new Float32Array(0),
      detectorScores: new Float32Array(bytes('weights.f32')),
    },
    pairs: {
      first: integers('first.i32'),
      second: integers('second.i32'),
      isGenuine: new Uint8Array(bytes('genuine.u8')),
    },
    counts: { faces: rows, templates: 0, pairs: 0, genuine: 0 },
  };
  return scope(async () => {
    const plain = Tensor.from(data, [rows, columns], { copy: false });
    const times = [performance.now()];
    const tick = async (): Promise<void> => {
      await synchronize();
      times.push(performance.now());
    };
    const pooled = await poolIjb(set, { plain: await plain }, { flip: false });
    await tick();
    const scores = await scorePairs(set, pooled);
    await tick();
    const roc = await pairRoc(scores, await Tensor.from(set.pairs.isGenuine));
    const tars = IJB_FARS.map((far) => nearestFar(roc, far).tar);
    await tick();
    const [pool, score, curve] = times.slice(1).map((time, i) => (time - times[i]!) / 1000) as [
      number,
      number,
      number,
    ];
    return { pool, score, roc: curve, tars, peakBytes: process.resourceUsage().maxRSS * 1024 };
  });
}
