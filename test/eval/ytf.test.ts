import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import path from 'node:path';

import { readLandmarks } from '../../lib/data/lists/landmarks';
import { readYtfSplits, type YtfSplits } from '../../lib/data/protocols/ytf';
import { FACE_TEMPLATE } from '../../lib/image/align';
import { VideoPooler, type VideoPooling } from '../../lib/eval/metrics/video-pooling';
import {
  mustHaveVideos,
  YtfEvaluation,
  type VideoComparison,
  type YtfResult,
} from '../../lib/eval/ytf/evaluate';
import { framesOfNames, listFrames, type FrameChoice } from '../../lib/eval/ytf/frames';
import { Xoshiro128 } from '../../lib/random';
import { rejects, throws } from '../support/assert';
import { temporaryFolder, writeFile, writeFiles } from '../support/folder';

const HEADING = 'split number, second number, first name, second name, is same, Unnamed';
const D = 5;

type Frame = { name: string; raw: number[] };

describe('YouTube Faces', () => {
  const folder = temporaryFolder();
  const write = (text: string): string => writeFile(folder, 'splits.txt', text);
  const random = Xoshiro128.fromSeed(3);
  const people = 9;
  const videos = new Map<string, Frame[]>();
  let splits: YtfSplits;
  let names: string[];

  before(async () => {
    for (let p = 0; p < people; p++) {
      const centre = Array.from({ length: D }, () => random.uniform() - 0.5);
      for (let v = 0; v < 3; v++)
        videos.set(
          `P_${p}/${v}`,
          Array.from({ length: 2 + random.below(5) }, (_, f) => {
            const length = 1 + 9 * random.uniform();
            return {
              // Text would sort 10 before 9.
              name: `P_${p}/${v}/aligned_detect_${v}.${f + 8}.jpg`,
              raw: centre.map((value) => length * (value + 0.8 * (random.uniform() - 0.5))),
            };
          }),
        );
    }
    const lines = [HEADING];
    for (let s = 1; s <= 4; s++)
      for (let i = 0; i < 12; i++) {
        const a = random.below(people);
        const b = i % 2 === 0 ? a : (a + 1 + random.below(people - 1)) % people;
        const second = i % 2 === 0 ? 1 + random.below(2) : random.below(3);
        lines.push(`${s}, ${i + 1}, P_${a}/0, P_${b}/${second}, ${1 - (i % 2)}, x`);
      }
    splits = await readYtfSplits(write(`${lines.join('\n')}\n`));
    names = [...videos.values()].flat().map(({ name }) => name);
  });

  async function evaluate(
    comparison: VideoComparison,
    choice: FrameChoice = { kind: 'all' },
    shown = names,
    batch = 7,
  ): Promise<YtfResult> {
    const frames = framesOfNames(shown, splits.videos, choice);
    const evaluation = new YtfEvaluation(splits, frames, comparison, D);
    const raws = new Map([...videos.values()].flat().map(({ name, raw }) => [name, raw]));
    const all = frames.frames.flat();
    for (let from = 0; from < all.length; from += batch) {
      const rows = all.slice(from, from + batch).flatMap(({ name }) => raws.get(name)!);
      await evaluation.write(from, Float32Array.from(rows));
    }
    return evaluation.result();
  }

  const unit = (row: readonly number[]): number[] => {
    const length = Math.hypot(...row);
    return row.map((value) => value / length);
  };
  const sum = (rows: readonly number[][]): number[] =>
    rows[0]!.map((_, d) => rows.reduce((total, row) => total + row[d]!, 0));
  const squared = (a: readonly number[], b: readonly number[]): number =>
    a.reduce((total, value, d) => total + (value - b[d]!) ** 2, 0);

  it('pools as plain loops do', async () => {
    const pools: Record<VideoPooling, (frames: Frame[]) => number[]> = {
      meanOfNormalised: (frames) => unit(sum(frames.map(({ raw }) => unit(raw)))),
      meanRaw: (frames) => unit(sum(frames.map(({ raw }) => raw))),
      // Weighted by its length an embedding at length 1 is the raw one again.
      normWeighted: (frames) => unit(sum(frames.map(({ raw }) => raw))),
    };
    const distances: Partial<Record<VideoPooling, number[]>> = {};
    for (const pooling of Object.keys(pools) as VideoPooling[]) {
      const { scored, counts, protocol } = await evaluate({ pooling });
      distances[pooling] = [...scored.distances];
      for (const [i, { first, second }] of splits.pairs.entries()) {
        const [a, b] = [first, second].map((v) => pools[pooling](videos.get(splits.videos[v]!)!));
        assert.ok(Math.abs(scored.distances[i]! - squared(a!, b!)) < 1e-6, `${pooling}, pair ${i}`);
      }
      assert.match(protocol, new RegExp(`pooled by ${pooling}, L2; .* 4 folds`));
      assert.deepEqual([counts.pairs, counts.genuine, counts.missingVideos], [48, 24, 0]);
    }
    assert.notDeepEqual(distances.meanOfNormalised, distances.meanRaw);
  });

  it('compares frame by frame: least, mean and greatest', async () => {
    for (const framePairs of ['min', 'mean', 'max'] as const) {
      const { scored } = await evaluate({ framePairs });
      for (const [i, { first, second }] of splits.pairs.entries()) {
        const [a, b] = [first, second].map((v) => videos.get(splits.videos[v]!)!.map(({ raw }) => unit(raw)));
        const all = a!.flatMap((x) => b!.map((y) => squared(x, y)));
        const mean = all.reduce((total, value) => total + value, 0) / all.length;
        const expected = { min: Math.min(...all), max: Math.max(...all), mean }[framePairs];
        assert.ok(Math.abs(scored.distances[i]! - expected) < 1e-5, `${framePairs}, pair ${i}`);
      }
    }
  });

  it('judges each split at the threshold of the others, and knows whose the videos are', async () => {
    const { verification, scored, people: found } = await evaluate({ pooling: 'meanOfNormalised' });
    const isTest = (i: number, s: number): boolean => Math.floor(i / 12) === s;
    const right = (t: number, of: (i: number) => boolean): number =>
      splits.pairs.filter(({ isSame }, i) => of(i) && scored.distances[i]! < t * 0.01 === isSame).length;
    const expected = [0, 1, 2, 3].map((s) => {
      let [best, most] = [0, -1];
      for (let t = 0; t < 400; t++) {
        const count = right(t, (i) => !isTest(i, s));
        if (count > most) [best, most] = [t, count];
      }
      return right(best, (i) => isTest(i, s)) / 12;
    });
    assert.deepEqual(verification.foldAccuracies, expected);
    assert.ok(verification.accuracy > 0.5);
    for (const [i, { first, isSame }] of splits.pairs.entries()) {
      assert.equal(found[scored.first[i]!], splits.videos[first]!.split('/')[0]);
      assert.equal(scored.first[i] === scored.second[i], isSame);
    }
  });

  it('takes the frames that are asked for, in the order of their numbers', () => {
    const own = ['v/0/0.10.jpg', 'v/0/0.9.jpg', 'v/0/0.100.jpg', 'v/0/0.11.jpg', 'v/1/1.1.jpg'];
    const take = (choice: FrameChoice): string[] =>
      framesOfNames(own, ['v/0'], choice).frames[0]!.map(({ name }) => name.split('.')[1]!);
    assert.deepEqual(take({ kind: 'all' }), ['9', '10', '11', '100']);
    assert.deepEqual(take({ kind: 'first', count: 2 }), ['9', '10']);
    assert.deepEqual(take({ kind: 'every', count: 3 }), ['9', '100']);
    const drawn = (seed: number): string[] => take({ kind: 'random', count: 2, seed });
    assert.deepEqual(drawn(1), drawn(1));
    const seen = new Set(Array.from({ length: 60 }, (_, seed) => drawn(seed).join()));
    assert.equal(seen.size, 6); // every pair, in its order
    assert.equal(take({ kind: 'random', count: 9 }).length, 4);
  });

  it('counts videos that are missing, and leaves their pairs out where asked', async () => {
    const shown = names.filter((name) => !name.startsWith('P_2/0/'));
    const frames = framesOfNames(shown, splits.videos, { kind: 'all' });
    assert.deepEqual(frames.missing, ['P_2/0']);
    throws(
      () => mustHaveVideos(frames, splits.videos, 'DB'),
      'ERR_DATA_NOT_FOUND',
      /^1 of \d+ videos have no frame in DB .* the first is P_2\/0\. .*--skip-missing/,
    );
    const { counts, scored } = await evaluate({ pooling: 'meanRaw' }, { kind: 'all' }, shown);
    const lost = splits.pairs.filter((pair) =>
      [pair.first, pair.second].some((v) => splits.videos[v] === 'P_2/0'),
    ).length;
    assert.ok(lost > 0);
    assert.deepEqual([counts.missingVideos, counts.leftOutPairs, counts.pairs], [1, lost, 48 - lost]);
    assert.equal(scored.distances.length, 48 - lost);
    await rejects(evaluate({ pooling: 'meanRaw' }, { kind: 'all' }, []), 'ERR_ARGUMENT', /no pair left/);
  });

  it('lists frames of a folder, without those that have no landmarks', async () => {
    const root = path.join(folder, 'DB');
    writeFiles(root, { 'A/0/0.2.jpg': 'x', 'A/0/0.10.jpg': 'x', 'A/0/notes.txt': 'x', 'B/3/3.1.jpg': 'x' });
    const all = await listFrames(root, ['A/0', 'B/3', 'C/1'], { kind: 'all' });
    assert.deepEqual(
      all.frames.map((own) => own.map(({ name }) => name)),
      [['A/0/0.2.jpg', 'A/0/0.10.jpg'], ['B/3/3.1.jpg'], []],
    );
    assert.deepEqual([all.missing, all.dropped], [['C/1'], 0]);
    const list = path.join(folder, 'landmarks.txt');
    writeFileSync(list, `A/0/0.10.jpg ${FACE_TEMPLATE.flat().join(' ')}\n`);
    const some = await listFrames(root, ['A/0', 'B/3'], { kind: 'all' }, await readLandmarks(list));
    assert.deepEqual([some.missing, some.dropped], [['B/3'], 2]);
    assert.deepEqual(
      some.frames[0]!.map(({ name }) => name),
      ['A/0/0.10.jpg'],
    );
    await rejects(listFrames(path.join(folder, 'none'), ['A/0'], { kind: 'all' }), 'ERR_DATA_NOT_FOUND');
  });

  it('says which line of the splits is wrong', async () => {
    const line = '1, 1, A/0, B/1, 0';
    const same = '2, 1, A/0, A/1, 1';
    for (const [text, message] of [
      [`${HEADING}\n1, 1, A/0, B/1\n${same}`, /line 2: expected "split, number/],
      [`${line}\n${same}, x\n2, 2, A/0, B, 1`, /line 3: .* "2, 2, A\/0, B, 1"/],
      [`${line}\n${same}\n2, 2, A/0, B/1, 2`, /line 3/],
      [`${line}\n${same}\n${line}`, /line 3: split 1 goes on after another one/],
      [`${HEADING}\n${line}`, /has 1 pairs in 1 splits/],
      [HEADING, /has 0 pairs in 0 splits/],
    ] as const)
      await rejects(readYtfSplits(write(text)), 'ERR_DATA_CORRUPT', message);
    await rejects(readYtfSplits(path.join(folder, 'no.txt')), 'ERR_DATA_NOT_FOUND');
    const { videos: found, folds } = await readYtfSplits(write(`${HEADING}\r\n${line}\r\n\r\n${same}\r\n`));
    assert.deepEqual(found, ['A/0', 'B/1', 'A/1']);
    assert.deepEqual(folds, [
      { start: 0, end: 1 },
      { start: 1, end: 2 },
    ]);
  });

  it('refuses frames that are not finite', async () => {
    const pooler = new VideoPooler(1, 2, 'meanRaw');
    throws(() => pooler.add(0, [1, NaN], 'A/0/1.jpg'), 'ERR_NOT_FINITE', /A\/0\/1\.jpg is not finite/);
    const frames = framesOfNames(names, splits.videos, { kind: 'all' });
    const evaluation = new YtfEvaluation(splits, frames, { framePairs: 'min' }, D);
    assert.throws(() => void evaluation.write(0, new Float32Array(D).fill(Infinity)), {
      code: 'ERR_NOT_FINITE',
    });
  });
});
