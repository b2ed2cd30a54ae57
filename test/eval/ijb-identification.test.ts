import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import path from 'node:path';

import {
  Tensor,
  evaluateIjbIdentification,
  poolIjb,
  readIjb,
  readIjbIdentification,
  recordIjbIdentification,
} from '../../lib';
import type { IjbIdentification, IjbSet } from '../../lib';
import { Identification, LEGACY_FPIRS } from '../../lib/eval/metrics/identification';
import { Largest } from '../../lib/eval/metrics/largest';
import { Xoshiro128, shuffle } from '../../lib/random';
import { temporaryFolder } from '../support/folder';
import { ALIGNED, writeIjbSet } from '../support/ijb-set';

const random = Xoshiro128.fromSeed(6);
const PEOPLE = 40;
const PROBES = 150;

interface Problem {
  scores: number[][];
  columns: [number, number];
  mates: number[];
}

/** Scores of probes against two galleries; mates are better than others, mostly. `steps` makes ties. */
function problem(steps = Infinity): Problem {
  const mates = Array.from({ length: PROBES }, () => random.below(PEOPLE));
  const scores = mates.map((mate) =>
    Array.from({ length: PEOPLE }, (_, column) => {
      const score = random.uniform() * 0.6 + (column === mate ? 0.35 * random.uniform() + 0.1 : 0);
      return Math.fround(Number.isFinite(steps) ? Math.round(score * steps) / steps : score);
    }),
  );
  return { scores, columns: [25, PEOPLE - 25], mates };
}

function identified({ scores, columns, mates }: Problem): Identification {
  const identification = new Identification({
    probes: scores.length,
    columns,
    mates: Int32Array.from(mates),
  });
  for (const [probe, row] of scores.entries()) identification.add(probe, Float32Array.from(row));
  return identification;
}

const count = <T>(all: readonly T[], holds: (one: T, i: number) => boolean): number =>
  all.filter(holds).length;
const falling = (values: number[]): number[] => values.sort((a, b) => b - a);

/** The legacy protocol on the whole matrix, as plainly as it is told. */
function plainLegacy({ scores, mates }: Problem) {
  const impostors = falling(scores.flatMap((row, q) => row.filter((_, column) => column !== mates[q])));
  return {
    ranks: [1, 5, 10].map(
      (k) =>
        count(scores, (row, q) => {
          const mate = row[mates[q]!]!;
          return row.filter((score) => score > mate).length < k;
        }) / scores.length,
    ),
    points: LEGACY_FPIRS.map((fpir) => {
      const threshold = impostors[Math.ceil(scores.length * fpir) - 1]!;
      return {
        fpir,
        tpir: count(scores, (row, q) => row[mates[q]!]! > threshold) / scores.length,
        threshold,
      };
    }),
  };
}

/** The corrected protocol of one gallery. */
function plainGallery({ scores, columns, mates }: Problem, gallery: 0 | 1, fpir: number): number {
  const from = gallery === 0 ? 0 : columns[0];
  const to = from + columns[gallery];
  const rows = scores.map((row) => row.slice(from, to));
  const isMated = (q: number): boolean => mates[q]! >= from && mates[q]! < to;
  const maxima = falling(rows.filter((_, q) => !isMated(q)).map((row) => Math.max(...row)));
  const threshold = maxima[Math.max(Math.trunc(maxima.length * fpir) - 1, 0)]!;
  const hits = count(rows, (row, q) => {
    if (!isMated(q)) return false;
    const mate = row[mates[q]! - from]!;
    return mate > threshold && row.every((score, column) => column === mates[q]! - from || score < mate);
  });
  return hits / count(rows, (_, q) => isMated(q));
}

describe('IJB 1:N identification', () => {
  for (const steps of [Infinity, 12])
    it(`is what the protocols say, on whole matrices${steps === 12 ? ' with ties' : ''}`, () => {
      const p = problem(steps);
      const identification = identified(p);
      const legacy = identification.legacy();
      const expected = plainLegacy(p);
      assert.deepEqual(Object.values(legacy.ranks), expected.ranks);
      assert.deepEqual(legacy.points, expected.points);
      const corrected = identification.corrected();
      for (const name of ['points', 'curve'] as const)
        for (const [i, point] of corrected[name].entries()) {
          const both = [plainGallery(p, 0, point.fpir), plainGallery(p, 1, point.fpir)] as const;
          assert.deepEqual(
            corrected.galleries.map((gallery) => gallery[name][i]!.tpir),
            both,
          );
          assert.equal(point.tpir, (both[0] + both[1]) / 2);
          assert.equal(point.fnir, 1 - point.tpir);
        }
      for (const { ranks } of [legacy, corrected, ...corrected.galleries])
        assert.ok(ranks[1] <= ranks[5] && ranks[5] <= ranks[10]);
      assert.deepEqual(
        corrected.points.map(({ fpir }) => fpir),
        [1e-4, 1e-3, 1e-2, 1e-1, 1],
      );
      assert.equal(corrected.curve.length, 100);
      assert.deepEqual([corrected.curve[0]!.fpir, corrected.curve.at(-1)!.fpir], [1e-4, 1]);
    });

  it('is what a small case gives by hand', () => {
    // Two people in the first gallery, one in the second; the mates of the probes are columns 0, 1, 2 and 2.
    const scores = [
      [0.9, 0.1, 0.2],
      [0.6, 0.5, 0.3], // another person of its gallery is nearer
      [0.4, 0.1, 0.8],
      [0.1, 0.7, 0.6], // somebody in the other gallery is nearer
    ];
    const identification = identified({ scores, columns: [2, 1], mates: [0, 1, 2, 2] });
    // Impostors: .1 .2 | .6 .3 | .4 .1 | .1 .7; the first of them at every FPIR, since ceil(4 x 0.1) = 1.
    assert.deepEqual(
      identification.legacy().points.map(({ tpir, threshold }) => [tpir, threshold]),
      [1, 2, 3].map(() => [0.5, Math.fround(0.7)]),
    );
    assert.deepEqual(identification.legacy().ranks, { 1: 0.5, 5: 1, 10: 1 });
    const { galleries, ranks, points } = identification.corrected();
    // First gallery: mated 0 and 1, strangers 2 and 3 with maxima .4 and .7. Only probe 0 beats both.
    assert.deepEqual([galleries[0]!.mated, galleries[0]!.points[0]!.tpir], [2, 0.5]);
    // Second gallery: strangers 0 and 1 with .2 and .3; probes 2 and 3 are alone with their mates.
    assert.deepEqual([galleries[1]!.mated, galleries[1]!.points[0]!.tpir], [2, 1]);
    assert.equal(points[0]!.tpir, 0.75);
    assert.deepEqual(ranks, { 1: 0.75, 5: 1, 10: 1 });
    // At FPIR 1 the threshold is the smallest maximum.
    assert.equal(galleries[0]!.points.at(-1)!.threshold, Math.fround(0.4));
  });

  it('does not depend on the order of the probes', () => {
    const p = problem();
    const order = Uint32Array.from({ length: PROBES }, (_, i) => i);
    shuffle(order, random);
    const pick = <T>(all: readonly T[]): T[] => Array.from(order, (i) => all[i]!);
    const shuffled = identified({ ...p, scores: pick(p.scores), mates: pick(p.mates) });
    assert.deepEqual(shuffled.legacy(), identified(p).legacy());
    assert.deepEqual(shuffled.corrected(), identified(p).corrected());
  });

  it('keeps the largest of many values, ties among them', () => {
    const values = Array.from({ length: 50_000 }, () => Math.fround(random.below(3000) / 7));
    const largest = new Largest(300);
    values.forEach((value) => largest.add(value));
    const sorted = falling([...values]);
    for (const n of [1, 2, 150, 300]) assert.equal(largest.nth(n), sorted[n - 1]);
    assert.equal(new Largest(5).nth(1), undefined);
  });

  describe('from files', () => {
    const folder = temporaryFolder();
    const TEMPLATES = 60;
    let set: IjbSet;
    const file = (list: string): string => path.join(folder, 'meta', `ijbc_1N_${list}.csv`);
    const HEADER = 'TEMPLATE_ID,SUBJECT_ID,FILENAME,FACE_X';
    const lines = (templates: number[], subject: (t: number) => number): string[] =>
      templates.flatMap((t) => [
        `${10 * t},${subject(t)},img/${t}.jpg,1`,
        `${10 * t},${subject(t)},frames/${t}.jpg,2`,
      ]);
    const range = (from: number, to: number): number[] =>
      Array.from({ length: to - from }, (_, i) => from + i);
    const lists = (): Record<string, string[]> => ({
      gallery_G1: lines(range(0, 12).reverse(), (t) => t),
      gallery_G2: lines(range(12, 20), (t) => t),
      probe_mixed: lines(range(20, TEMPLATES), (t) => t % 20),
    });
    const write = (all: Record<string, string[]>): void => {
      for (const [list, rows] of Object.entries(all))
        writeFileSync(file(list), `${[HEADER, ...rows].join('\n')}\n`);
    };
    before(async () => {
      writeIjbSet(folder, {
        faces: range(0, TEMPLATES).map((t) => `${t}.jpg ${10 * t} 0`),
        points: range(0, TEMPLATES).map((t) => `${t}.jpg ${ALIGNED} 1`),
        pairs: ['0 10 0', '0 200 1'],
      });
      write(lists());
      set = await readIjb('ijbc', folder);
    });

    it('finds mates by their subjects, and scores as the templates say', async () => {
      const found: IjbIdentification = await readIjbIdentification(set);
      assert.deepEqual([...found.galleries[0].templates], range(0, 12));
      assert.deepEqual([...found.probes.subjects.slice(0, 3)], [0, 1, 2]);
      const features = Float32Array.from({ length: TEMPLATES * 6 }, (_, i) =>
        Math.fround(Math.sin(7 * (Math.floor(i / 6) % 20) + (i % 6)) + 0.4 * random.uniform()),
      );
      const plain = await Tensor.from(features, [TEMPLATES, 6]);
      const rule = { flip: false };
      const progress: number[] = [];
      const result = await evaluateIjbIdentification(set, found, { plain }, rule, {
        onProgress: (done) => void progress.push(done),
      });
      assert.deepEqual(progress, [40]);
      assert.deepEqual(result.counts, { galleries: [12, 8], probes: 40 });
      const pooled = (await (await poolIjb(set, { plain }, rule)).toArray()) as number[];
      const dot = (a: number, b: number): number =>
        Math.fround(range(0, 6).reduce((sum, d) => sum + pooled[6 * a + d]! * pooled[6 * b + d]!, 0));
      const scores = range(20, TEMPLATES).map((q) => range(0, 20).map((g) => dot(q, g)));
      const expected = plainLegacy({
        scores,
        columns: [12, 8],
        mates: range(20, TEMPLATES).map((q) => q % 20),
      });
      assert.deepEqual(Object.values(result.legacy.ranks), expected.ranks);
      assert.deepEqual(
        result.legacy.points.map(({ tpir }) => tpir),
        expected.points.map(({ tpir }) => tpir),
      );
      const { record } = await recordIjbIdentification(set, found, { plain }, rule, {
        model: 'm',
        data: 'd',
      });
      const numberOf = (id: string) => record.numbers.find((one) => one.id === id)!.value;
      for (const rank of [1, 5, 10] as const) {
        assert.equal(numberOf(`rank-${rank}`), result.corrected.ranks[rank]);
        // The CMC counts ranks from 1, among both galleries, never falls, and finds everybody in the end.
        const { x, y } = record.curves.find(({ kind }) => kind === 'cmc')!;
        assert.equal(y[x.findLastIndex((at) => at <= rank)], result.legacy.ranks[rank]);
        assert.deepEqual([x[0], x.at(-1), y.at(-1)], [1, 20, 1]);
        y.forEach((share, i) => assert.ok(i === 0 || (share >= y[i - 1]! && x[i]! > x[i - 1]!)));
      }
      assert.deepEqual(record.resampling!.units, new Set(found.probes.subjects).size);
      await assert.rejects(
        evaluateIjbIdentification(set, found, { plain }, rule, { signal: AbortSignal.abort() }),
        { code: 'ERR_CANCELLED' },
      );
    });

    it('says what is wrong with a list', async () => {
      const cases: [string, string[], RegExp][] = [
        ['gallery_G1', ['x,1,a'], /ijbc_1N_gallery_G1\.csv, line 2: expected "TEMPLATE_ID,SUBJECT_ID/],
        ['gallery_G1', ['7,1,a'], /line 2: template 7 has no face/],
        ['gallery_G2', [], /has no templates/],
        ['gallery_G2', lists()['gallery_G2']!.concat('0,12,a'), /several templates of person 12/],
        [
          'probe_mixed',
          lists()['probe_mixed']!.concat('0,999,a'),
          /Person 999 of probe template 0 is in 0 galleries/,
        ],
        [
          'gallery_G2',
          lists()['gallery_G2']!.concat('0,5,a'),
          /Person 5 of probe template 250 is in 2 galleries/,
        ],
      ];
      for (const [list, rows, message] of cases) {
        write({ ...lists(), [list]: rows });
        await assert.rejects(readIjbIdentification(set), { code: 'ERR_DATA_CORRUPT', message });
      }
    });
  });
});
