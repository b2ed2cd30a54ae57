import assert from 'node:assert/strict';

import { Tensor, evaluateMegaface, topRows } from '../../lib';
import type { MegafaceData, MegafaceResult } from '../../lib';
import { megafaceProbes, shuffledDistractors } from '../../lib/data/protocols/megaface';
import type { MegafaceDistractors } from '../../lib/data/protocols/megaface';
import { scoresOfPairs, unitRows } from '../../lib/eval/distractor-ranks';
import { countFrom, impostorRoc, tarAtExactFar } from '../../lib/eval/metrics/impostor-roc';
import { cumulativeMatches, readLogLinear, thinned } from '../../lib/eval/metrics/thinned-curve';
import { featuresInMemory } from '../../lib/io/feature-rows';
import { Xoshiro128, shuffle } from '../../lib/random';

const DIMENSION = 24;
const random = Xoshiro128.fromSeed(15);
const normal = (): number =>
  Math.sqrt(-2 * Math.log(1 - random.uniform())) * Math.cos(2 * Math.PI * random.uniform());
const vector = (): number[] => Array.from({ length: DIMENSION }, normal);

interface Small {
  people: string[];
  probes: number[][];
  distractors: number[][];
}

/** People with photos about a centre, and strangers, some of whom look like somebody. */
function small(photos: readonly number[], strangers: number): Small {
  const centres = photos.map(vector);
  const near = (centre: number[], by: number): number[] => centre.map((value) => value + by * normal());
  return {
    people: photos.flatMap((count, person) => Array.from({ length: count }, () => `p${person}`)),
    probes: photos.flatMap((count, person) =>
      Array.from({ length: count }, () => near(centres[person]!, 1.2)),
    ),
    distractors: Array.from({ length: strangers }, (_, i) =>
      i % 7 === 0 ? near(centres[i % centres.length]!, 1.5) : vector(),
    ),
  };
}

function dataOf({ people, probes, distractors }: Small, sets?: MegafaceDistractors): MegafaceData {
  const rows = (all: number[][]) => featuresInMemory(Float32Array.from(all.flat()), all.length);
  const names = distractors.map((_, i) => `a/b${i % 3}/${i}.jpg`);
  return {
    probes: megafaceProbes(
      people.map((person, i) => `${person}/${person}_${i}.png`),
      'here',
    ),
    probeFeatures: rows(probes),
    distractors:
      sets ??
      shuffledDistractors(names, { sizes: [5, Math.ceil(distractors.length / 4), distractors.length] }),
    distractorFeatures: rows(distractors),
  };
}

/** All scores as they are defined: by the same dot product, of rows of length 1. */
async function scoresOf({ probes, distractors }: Small) {
  const all = [...probes, ...distractors];
  const unit = await unitRows(await Tensor.from(Float32Array.from(all.flat()), [all.length, DIMENSION]));
  const pairs = all.flatMap((_, a) => all.map((_, b) => [a, b] as const));
  const scores = await scoresOfPairs(
    unit,
    Int32Array.from(pairs, ([a]) => a),
    Int32Array.from(pairs, ([, b]) => b),
  );
  const values = (await scores.toTypedArray()) as Float32Array;
  return (a: number, b: number): number => values[a * all.length + b]!;
}

/** The protocol on whole matrices, as plainly as it is told. */
async function bruteForce(set: Small, data: MegafaceData, leftOut: ReadonlySet<number> = new Set()) {
  const score = await scoresOf(set);
  const count = set.probes.length;
  const pairs: [number, number][] = [];
  for (let g = 0; g < count; g++)
    for (let p = 0; p < count; p++) if (g !== p && set.people[g] === set.people[p]) pairs.push([g, p]);
  return data.distractors.sizes.map((_, s) => {
    const members = set.distractors
      .map((_, d) => d)
      .filter((d) => ((data.distractors.sets[d]! >> s) & 1) === 1 && !leftOut.has(d));
    const above = pairs.map(([g, p]) => members.filter((d) => score(p, count + d) > score(p, g)).length);
    const impostors = Array.from({ length: count }, (_, p) => members.map((d) => score(p, count + d)))
      .flat()
      .sort((a, b) => b - a);
    const genuine = pairs.map(([g, p]) => score(p, g));
    const tar = (far: number) => {
      const accepted = Math.floor(far * impostors.length + 1e-9);
      return genuine.filter((one) => (accepted === 0 ? one > impostors[0]! : one >= impostors[accepted - 1]!))
        .length;
    };
    // One photo of each person beside the distractors; the others look for theirs.
    const firsts = [...new Set(set.people)].map((person) => set.people.indexOf(person));
    const traditional = set.people.flatMap((person, p) => {
      const own = set.people.indexOf(person);
      if (own === p) return [];
      const others = [...firsts.filter((g) => g !== own), ...members.map((d) => count + d)];
      return [others.filter((other) => score(p, other) > score(p, own)).length];
    });
    return { members, above, impostors, genuine, tar, traditional, pairs };
  });
}

async function expectBruteForce(
  set: Small,
  data: MegafaceData,
  result: MegafaceResult,
  leftOut?: Set<number>,
) {
  const expected = await bruteForce(set, data, leftOut);
  assert.equal(result.sizes.length, expected.length);
  for (const [s, found] of result.sizes.entries()) {
    const { above, members, impostors, genuine, tar, traditional, pairs } = expected[s]!;
    assert.deepEqual(
      [...result.pairs.gallery].map((g, i) => [g, result.pairs.probe[i]]),
      pairs,
    );
    assert.deepEqual([...found.above], above);
    assert.equal(found.distractors, members.length);
    for (const rank of [1, 5, 10, 100] as const)
      assert.equal(found.ranks[rank], above.filter((n) => n < rank).length / above.length);
    for (const { wanted, tar: share } of found.points) assert.equal(share, tar(wanted) / genuine.length);
    assert.deepEqual([...found.highest.scores], impostors);
    const recall = ({ x, y }: { x: readonly number[]; y: readonly number[] }, rank: number): number =>
      y[x.findLastIndex((value) => value <= rank)]!;
    for (let rank = 0; rank <= members.length; rank++) {
      const hits = above.filter((n) => n <= rank).length;
      assert.equal(recall(found.cmc.full, rank), hits / above.length);
    }
    assert.equal(found.cmc.full.x.at(-1), members.length);
    for (const rank of [0, 1, 7, members.length])
      assert.equal(
        recall(found.traditional.full, rank),
        traditional.filter((n) => n <= rank).length / traditional.length,
      );
    const { x, y } = found.roc.full;
    for (const [i, far] of x.slice(1, -1).entries()) {
      const threshold = [...new Set(genuine)].sort((a, b) => b - a)[i]!;
      assert.equal(far, impostors.filter((one) => one >= threshold).length / impostors.length);
      assert.equal(y[i + 1], genuine.filter((one) => one >= threshold).length / genuine.length);
    }
    for (const curve of [found.cmc, found.roc, found.traditional])
      for (const { x, y } of [curve.full, curve.thinned])
        for (let i = 1; i < x.length; i++) assert.ok(x[i]! >= x[i - 1]! && y[i]! >= y[i - 1]!);
  }
}

describe('MegaFace', () => {
  it('is what the protocol says on whole matrices', async () => {
    const set = small([9, 2, 5, 1, 7], 300);
    const data = dataOf(set);
    await expectBruteForce(set, data, await evaluateMegaface(data));
  });

  it('reads sets that do not have each other, each by itself', async () => {
    const set = small([4, 4], 90);
    const data = dataOf(set);
    const sets = data.distractors.sets.map(
      (_, d) => (d % 2) | (Number(d % 3 === 0) << 1) | (Number(d > 70) << 2),
    );
    const apart = { ...data, distractors: { ...data.distractors, sets } };
    await expectBruteForce(set, apart, await evaluateMegaface(apart));
  });

  it('gives ties to the mate', async () => {
    const set: Small = {
      people: ['a', 'a'],
      probes: [
        [1, 0],
        [0.6, 0.8],
      ],
      // As near to both photos as they are to each other; nearer to the first; far away.
      distractors: [
        [0.6, 0.8],
        [0.8, 0.6],
        [-1, 0],
      ],
    };
    const rows = (all: number[][]) => featuresInMemory(Float32Array.from(all.flat()), all.length);
    const data: MegafaceData = {
      probes: megafaceProbes(['a/1.png', 'a/2.png'], 'here'),
      probeFeatures: rows(set.probes),
      distractors: shuffledDistractors(['x/1', 'x/2', 'x/3'], { sizes: [3] }),
      distractorFeatures: rows(set.distractors),
    };
    const { sizes, counts } = await evaluateMegaface(data);
    // Gallery photo 1, probe 2: 0.6; strangers have 1, 0.96 and -0.6. The other way round: 0.6 (a tie), 0.8 and -1.
    assert.deepEqual([...sizes[0]!.above], [2, 1]);
    assert.deepEqual(sizes[0]!.ranks, { 1: 0, 5: 1, 10: 1, 100: 1 });
    assert.deepEqual(sizes[0]!.cmc.full, { x: [0, 1, 2, 3], y: [0, 0.5, 1, 1] });
    // Six scores of strangers; none may pass, and the largest is 1.
    assert.deepEqual(
      sizes[0]!.points.map(({ tar, far }) => [tar, far]),
      [
        [0, 0],
        [0, 0],
        [0, 0],
      ],
    );
    assert.deepEqual(counts, {
      probes: 2,
      people: 1,
      pairs: 2,
      distractors: 3,
      noisyProbes: 0,
      noisyDistractors: 0,
    });
  });

  it('does not depend on the order of photos and distractors, nor on the products', async () => {
    const set = small([6, 3, 8], 500);
    const data = dataOf(set);
    const result = await evaluateMegaface(data, { products: 'float32' });
    const half = await evaluateMegaface(data, { products: 'bfloat16' });
    assert.deepEqual(half, result);
    const order = (length: number): Uint32Array => {
      const all = Uint32Array.from({ length }, (_, i) => i);
      shuffle(all, random);
      return all;
    };
    const [probes, strangers] = [order(set.probes.length), order(set.distractors.length)];
    const pick = <T>(all: readonly T[], of: Uint32Array): T[] => Array.from(of, (i) => all[i]!);
    const shuffled = dataOf(
      {
        people: pick(set.people, probes),
        probes: pick(set.probes, probes),
        distractors: pick(set.distractors, strangers),
      },
      {
        ...data.distractors,
        names: pick(data.distractors.names, strangers),
        sets: Uint8Array.from(strangers, (i) => data.distractors.sets[i]!),
      },
    );
    const again = await evaluateMegaface(shuffled);
    for (const [s, { ranks, points, customaryTar, cmc, roc }] of result.sizes.entries()) {
      const other = again.sizes[s]!;
      assert.deepEqual([other.ranks, other.points, other.customaryTar], [ranks, points, customaryTar]);
      assert.deepEqual([other.cmc, other.roc], [cmc, roc]);
    }
  });

  it('puts the centre in the place of noisy probes, and leaves noisy distractors out', async () => {
    const set = small([4, 5], 40);
    const data = dataOf(set);
    const noises = {
      probes: new Set(['p0_1.png', 'p1_6.png', 'nobody.png']),
      distractors: new Set([data.distractors.names[3]!, data.distractors.names[8]!, 'a/b/none.jpg']),
    };
    const result = await evaluateMegaface({ ...data, noises }, { seed: 3 });
    assert.equal(result.counts.noisyProbes, 2);
    assert.equal(result.counts.noisyDistractors, 2);
    assert.equal(result.counts.distractors, 38);
    const unit = (row: number[]): number[] => row.map((value) => value / Math.hypot(...row));
    const centre = (rows: number[]): number[] =>
      vector().map((_, d) => rows.reduce((sum, row) => sum + unit(set.probes[row]!)[d]!, 0));
    const cleaned = { ...set, probes: [...set.probes] };
    cleaned.probes[1] = centre([0, 2, 3]);
    cleaned.probes[6] = centre([4, 5, 7, 8]);
    const score = await scoresOf(cleaned);
    for (const [i, g] of result.pairs.gallery.entries()) {
      const expected = score(g, result.pairs.probe[i]!);
      assert.ok(Math.abs(result.pairs.scores[i]! - expected) < 2e-3);
    }
    // The noise is there, and of the seed.
    const again = await evaluateMegaface({ ...data, noises }, { seed: 3 });
    assert.deepEqual(again.pairs.scores, result.pairs.scores);
    const other = await evaluateMegaface({ ...data, noises }, { seed: 4 });
    assert.notDeepEqual(other.pairs.scores, result.pairs.scores);
    const members = new Set([3, 8]);
    const clean = { ...data, noises: { probes: new Set<string>(), distractors: noises.distractors } };
    await expectBruteForce(set, data, await evaluateMegaface(clean), members);
  });

  it('refuses what cannot be', async () => {
    const set = small([3, 3], 10);
    const data = dataOf(set);
    const refuses = (part: Partial<MegafaceData>, code: string, message: RegExp) =>
      assert.rejects(evaluateMegaface({ ...data, ...part }), { code, message });
    const of = (rows: number, dimension: number, value = 1) =>
      featuresInMemory(new Float32Array(rows * dimension).fill(value), rows);
    await refuses(
      { probeFeatures: of(6, 8) },
      'ERR_SHAPE',
      /probes have 8 numbers, those of the distractors 24/,
    );
    await refuses({ probeFeatures: of(5, 24) }, 'ERR_SHAPE', /6 probes, but features of 5/);
    await refuses({ distractorFeatures: of(10, 24, NaN) }, 'ERR_NOT_FINITE', /^Feature 0 has/);
    await refuses({ probeFeatures: of(6, 24, NaN) }, 'ERR_NOT_FINITE', /^Feature 0 has/);
    const all = new Set(data.distractors.names);
    const noises = { probes: new Set<string>(), distractors: all };
    await refuses({ noises }, 'ERR_DATA_CORRUPT', /All of the 3 distractors are in the list of noise/);
    const ofPerson = new Set(['p0_0.png', 'p0_1.png', 'p0_2.png']);
    await refuses(
      { noises: { probes: ofPerson, distractors: new Set() } },
      'ERR_DATA_CORRUPT',
      /^All photos of p0 are in the list of noise/,
    );
    const stop = new AbortController();
    stop.abort();
    await assert.rejects(evaluateMegaface(data, { signal: stop.signal }), { code: 'ERR_CANCELLED' });
  });
});

describe('curves of MegaFace', () => {
  it('are thinned as the devkit does it', () => {
    const x = [0, 1, 2, 3, 4, 5];
    assert.deepEqual(thinned({ x, y: [0.5, 0.505, 0.5099, 0.5101, 0.515, 0.6] }), {
      x: [0, 3, 5],
      y: [0.5, 0.5101, 0.6],
    });
    assert.deepEqual(thinned({ x: [0], y: [1] }), { x: [0], y: [1] });
  });

  it('are read log-linearly between their points, linearly from 0 on', () => {
    const curve = { x: [0, 1e-8, 1e-4, 1], y: [0, 0.4, 0.8, 1] };
    assert.equal(readLogLinear(curve, 1e-6), 0.6000000000000001);
    assert.equal(readLogLinear(curve, 1e-8), 0.4);
    assert.equal(readLogLinear(curve, 5e-9), 0.2);
    assert.equal(readLogLinear(curve, 1), 1);
  });

  it('count pairs at every rank', () => {
    assert.deepEqual(cumulativeMatches(Int32Array.of(3, 0, 3, 10), 20), {
      x: [0, 3, 10, 20],
      y: [0.25, 0.75, 1, 1],
    });
    assert.deepEqual(cumulativeMatches(Int32Array.of(2), 2), { x: [0, 2], y: [0, 1] });
  });

  it('are exact where all scores are known, and from a sample beyond the largest', () => {
    const genuine = Float32Array.of(0.9, 0.5, 0.5, 0.25, -0.5);
    const highest = Float32Array.of(0.75, 0.5, 0.25);
    const histogram = new Float64Array(8192);
    const all = { total: 3, highest, histogram };
    assert.deepEqual(impostorRoc(genuine, all), {
      x: [0, 0, 2 / 3, 1, 1],
      y: [0, 0.2, 0.6, 0.8, 1],
    });
    // A hundred scores, of which two are known and 50 sampled: half of those lie at 0.
    histogram[4096] = 25;
    histogram[0] = 25;
    const sampled = { total: 100, highest: highest.subarray(0, 2), histogram };
    const { x, y } = impostorRoc(genuine, sampled);
    assert.deepEqual(x.slice(0, 3), [0, 0, 0]);
    assert.equal(
      x.findIndex((far) => far === 0.5),
      2 + 0.5 * 4096,
    );
    assert.equal(y[x.findIndex((far) => far === 0.5)], 0.8);
    assert.deepEqual([x.at(-1), y.at(-1)], [1, 1]);
    for (let i = 1; i < x.length; i++) assert.ok(x[i]! >= x[i - 1]! && y[i]! >= y[i - 1]!);
  });

  it('have the threshold at the (FAR x scores)-th largest score of strangers', () => {
    const highest = Float32Array.from({ length: 5000 }, (_, i) => 1 - i / 5000);
    const impostors = { total: 3.53e9, highest, histogram: new Float64Array(8192) };
    const genuine = Float32Array.of(1, highest[3529]!, highest[3530]!, 0);
    assert.deepEqual(tarAtExactFar(genuine, impostors, 1e-6), {
      tar: 0.5,
      far: 1e-6,
      threshold: highest[3529],
    });
    assert.equal(tarAtExactFar(genuine, impostors, 1e-5), undefined);
    assert.deepEqual(tarAtExactFar(genuine, impostors, 1e-10), { tar: 0, far: 0, threshold: 1 });
    assert.equal(countFrom(highest, 2), 0);
    assert.equal(countFrom(highest, -1), 5000);
  });
});

describe('topRows', () => {
  it('finds the nearest rows of each query', async () => {
    const [queries, rows] = [
      [
        [1, 0],
        [0, 2],
      ],
      [
        [0, 1],
        [3, 0],
        [0, 1],
      ],
    ];
    const top = await topRows(await Tensor.from(queries), await Tensor.from(rows), 2);
    assert.deepEqual([...top.scores], [3, 0, 2, 2]);
    assert.deepEqual([...top.indices], [1, 0, 0, 2]);
    await assert.rejects(topRows(await Tensor.from(queries), await Tensor.from([[1]]), 1), {
      code: 'ERR_SHAPE',
    });
  });
});
